// Package gate is the players' way in: it holds their WebSockets and carries their messages to
// the game servers and back.
//
//	handshake.go   who may come in: token, origin, capacity; then the upgrade
//	session.go     one player's socket: reading, and what a message leads to
//	outlet.go      the same socket's way out: bounded, and never blocking the caller
//	sysio_*.go     read and write that never wait
//	frame.go       WebSocket frames, as bytes
//	table.go       all sessions, by user
//	placement.go   which game server a room is on
//	dial.go        trunks to game servers: opened once for all who want them
//	upstream.go    the trunk to one game server, and its lanes
//	sit.go         a player sits down: from a place to a lane
//	passage.go     a session on its way to a room: what waits meanwhile, and what is said then
//	move.go        what servers say about where a room is
//	mover.go       the few goroutines that take passages on
//	kept.go        copies of requests that have no reply yet
//	fences.go      rooms of which NATS brings news: another server owns them
//	push.go        messages to players from outside of their rooms
//	kill.go        an end as that of its process, for tests
//
// # A session and its room
//
// A session is in no room, bound to a lane, or on its way (a passage). It is on its way from a
// SitDown until the room's server has spoken, and again when that server says that the room has
// moved, when its trunk is lost or falls silent, and when another server is known to own the room by
// a newer epoch: that one has told all gates (package fence), or its messages came first. The WebSocket stays; the player's messages wait, bounded. At the new place is said
// first what came back from the old one, then, where nobody knows what the old one has handled, the
// requests without a reply, marked as such, and then what has waited. So what a player says is
// handled once, as long as it has a number.
//
// # Cost
//
// A player costs one goroutine, which sleeps in the network poller without a buffer, and no timer.
// A message costs one system call to read and, with everything that the same batch brought for
// this player, one to write.
package gate
