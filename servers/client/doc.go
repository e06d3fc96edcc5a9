// Package client is the player's side of Croupier for Go programs: it connects to a gate, or
// directly to a game server, sits down, acts, listens, and comes back by itself to the same seat
// when a connection breaks.
//
//	target := client.Gate("ws://127.0.0.1:60006", client.Static(token))
//	c, err := client.Dial(ctx, target, client.Options{})
//	...
//	me, err := c.Sit(ctx, client.Place{Game: "dice", Room: 1, Seat: client.AnySeat})
//	rolled, err := c.Shake(ctx, 0)
//	for event := range c.Events() { ... }
//
// # Events
//
// Everything a server says and every change of the connection arrives as an Event in one ordered
// stream: what was said before a break stands before its Lost, what was said after it behind the
// next Connected. A reply is in the stream too, before the request that waits for it returns.
//
// Nothing is ever dropped silently. A program that does not keep up with Events overflows its
// buffer (Options.EventBuffer); the client then gives up the connection with ErrSlowConsumer,
// waits until there is room for its Lost event, and comes back like after any other break. A program with very many clients may take events by Options.Handler instead.
//
// # Requests
//
// A request waits for its reply, its context, or Options.RequestTimeout, whichever ends first.
// It fails with a *RefusedError when the server said no; with ErrNotConnected when it was not
// sent; and with ErrUnknownOutcome when it was sent and no reply came: the server may or may not
// have acted, and the client never repeats it by itself.
//
// A server that follows the published format from before request numbers existed echoes none.
// The client then matches a reply by its opcode, and by the user where others are told the same,
// and has one request under way at a time.
//
// # Reconnecting
//
// A break that is worth a retry is followed by attempts with full-jitter backoff, until one
// succeeds or Options.MaxAttempts is reached. Close codes and Disconnect messages decide whether
// to retry at all and how soon. A player who sat in a room is then seated again, in the same seat
// or, where somebody else has taken it, in any: the Resumed event says which.
//
// # Goroutines
//
// A client owns one goroutine, and now and then a second that checks a silent connection. Close
// waits for both. All methods may be called from any goroutine.
package client
