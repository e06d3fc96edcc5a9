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
//	upstream.go    the trunk to one game server, and its lanes
//	sit.go         a player sits down: from a place to a lane
//
// A player costs one goroutine, which sleeps in the network poller without a buffer, and no timer.
// A message costs one system call to read and, with everything that the same batch brought for
// this player, one to write.
package gate
