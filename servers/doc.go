// Package servers is the map of the house.
//
//	game/  gate/          the two servers: parse flags, wire up, run
//	wire/                 the published protocol: messages, envelope, close codes
//	client/               the player's side of it, for Go programs
//	token/                sign and verify the tokens that say who a player is
//	stack/                a gate and game servers in one process: ctl dev and demo, and every test of a whole
//	internal/
//	  room/               the core: a room, its players, its timers, the Game interface
//	    roomtest/         the suite that any game can run against itself
//	  games/              the register of games; games/dice and games/coin, their rules
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
// and back the same way. Imports run one way, too (scripts/imports says which and why).
package servers
