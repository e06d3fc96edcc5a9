// Package oracle knows whether what the bots saw can be true of a correct server.
//
// Every bot reports everything that its connection told it (Event), in order. The oracle keeps a
// little of it for each room, compares what the members of a room were told, follows the game by
// its rules, and reports each Violation with the events that led to it. It is streaming and pure:
// it starts no goroutine, reads no clock, and needs a constant time and space for an event.
//
// # What it can know
//
// A room numbers its events without gaps, so that a bot which is in the room knows that it missed
// nothing, and two bots know what each of them should have seen. While nobody watches, nothing is
// known: what was under way then is counted as unknown and never as a violation. A request that
// was under way when a connection broke is unknown, too.
//
// A room that everyone has left may close and begin anew under the same number. A room that bots
// sat in, whose connections they did not break themselves, may not, unless the server said so and
// had settled what was being played, or nobody came back for longer than a room waits.
//
// A room may change its owner under its players. It goes on from a number that nobody was told more
// than, and has forgotten nothing. Whoever it shows itself anew to may have missed events, and whoever
// it does not, none.
//
// The clock of the rounds is judged by the first bot of a room to hear of something, and not while
// the generator itself was behind (Behind): that is unknown, too.
//
// # The parts
//
// event.go is what a bot reports; decode.go makes it from messages, decoder.go from their bytes.
// room.go seats and unseats observers, member.go remembers them while they matter, and room.go tells
// one life of a room from the next. again.go is what bots at the table are told by another owner. life.go puts what several bots saw of one life into one order;
// game.go, seat.go and clock.go follow the game in that order. record.go is what a room keeps of an
// event, and proof.go picks from it what proves a violation.
package oracle
