// Package servers is the map of the house.
//
//	game/  gate/          the two servers: parse flags, wire up, run
//	wire/                 the published protocol: messages, envelope, close codes
//	client/               the player's side of it, for Go programs
//	token/                sign and verify the tokens that say who a player is
//	stack/                gates, game servers and NATS in one process: ctl dev and demo, and every test of a whole
//	internal/
//	  room/               the core: a room, its players, its timers, the Game interface
//	    roomtest/         the suite that any game can run against itself
//	  games/              the register of games; games/dice and games/coin, their rules
//	  directory/          which server owns which room, and where players sit; how that stays true
//	  bus/                NATS: a connection to it, or the server itself in this process
//	  push/               messages to players from outside of their rooms
//	  fence/              the news for gates that a room has another owner than they think
//	  trunk/              what gate and game server share of the way between them
//	  gameserver/         rooms behind trunks and behind the direct service
//	  gate/               players' WebSockets in front of trunks
//	  cmdline/            how a server reads its command line, and how it ends
//	  lifecycle/          signals, and the two stages of stopping
//	  ops/                the operators' port: health, metrics, version
//
// A message travels one way:
//
//	player - WebSocket - gate - trunk - gameserver - room's mailbox - room - game
//
// and back the same way. What a room says is stored before it is said: room - directory - NATS. So
// another server can go on with the room at any moment (gameserver/move.go, gameserver/recover.go),
// and the gate leads its players there (directory/doc.go is the whole protocol).
//
// Imports run one way, too (scripts/imports says which and why).
package servers
