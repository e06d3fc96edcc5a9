// Package room is the core of a game server: what a room is, who is in it, and how anything
// reaches it. It knows no game, no network and no message format.
//
// A room is an actor. One goroutine owns the room, its players, its timers and its game; all the
// rest of the process reaches them through the room's bounded mailbox, by the methods of Room.
// What a Game sees is a Table: the same room from inside, whose methods may be called on the
// room's goroutine only. Hence no lock in a room, and none in a game.
//
// A room that has a Record saves before it speaks (hold.go, record.go): so whatever a player has
// heard outlives the server. A snapshot carries a room to another server, given away (handover.go)
// or taken from the dead (restore.go); its players are awaited there and resume (resume.go), and a
// request that two owners see is done once (replies.go). Where a room has to wait, it stands still
// (still.go).
//
// A room never blocks on a player. A Session takes what it is sent without blocking, or ends.
package room
