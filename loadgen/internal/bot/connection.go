package bot

import (
	"errors"
	"fmt"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/scenario"
	"croupier/servers/client"
	"croupier/servers/wire"
)

const (
	// quiet is how long a connection may be silent before it is probed, and how long again until it
	// counts as lost.
	quiet = 15 * time.Second

	// worked is how long a connection must have lasted to be no failure: a server that accepts and
	// drops at once would else be tried in a tight loop.
	worked = time.Second

	// base is the longest first pause of jitter.
	base = 250 * time.Millisecond
)

// connect begins an attempt that was meant for a time.
func (b *Bot) connect(meant time.Duration) {
	if b.link != nil || b.dialing {
		return
	}
	b.meant, b.dialing = meant, true
	b.world.Open(b.config.User, b.turn, b)
}

// Up is called by the link that can be used from now on.
func (b *Bot) Up(l link.Link, dialed time.Time) {
	up := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.world.Now()
	b.link, b.dialing, b.cutting, b.since = l, false, false, now
	auth := up.Sub(dialed)
	b.world.Connected()
	b.world.Took(measure.Dial, 0, now-auth-b.meant)
	b.world.Took(measure.Auth, 0, auth)
	if b.stopping && !(b.state == Away && b.waits) {
		b.goodbye()
		return
	}
	b.set(listen, quiet)
	if b.state == Out {
		b.plan(sit, b.mind.rest())
		return
	}
	b.ask(aSeat, now)
}

// Down is called by the link as its last word.
func (b *Bot) Down(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.world.Now()
	polite := b.stopping && b.state != Away && b.why == nil // it was its own goodbye
	if b.why != nil {
		err, b.why, b.closing = b.why, nil, false
	}
	broke := now // or earlier, as far as the bot has noticed
	if b.asked != none {
		broke = min(broke, b.askedAt)
	}
	if b.pinged != 0 {
		broke = min(broke, b.pingedAt)
	}
	was, own := b.link != nil, b.cutting || b.closing || b.killed || errors.Is(err, link.ErrEnded)
	b.link, b.dialing, b.cutting, b.closing, b.asked, b.pinged = nil, false, false, false, none, 0
	b.clear(answer)
	b.clear(listen)
	b.clear(pulse)
	b.plan(nothing, 0)
	b.turn++

	if !(polite && b.state == Out) {
		b.see(oracle.Event{Kind: oracle.Lost, At: now, Own: own || polite, Linked: was, Expelled: expelled(err), Text: text(err, own || polite)})
	}
	if !own && !polite {
		b.world.Trouble(err)
	}
	if b.state == Seated || b.state == Watching {
		b.lost, b.broke, b.waits = now, broke, !own && !polite
		if !polite {
			b.world.Lost(b, own)
		}
		b.move(Away)
	}
	switch {
	case b.killed, b.stopping && !b.waits, b.stopping && b.due[leave] == 0:
		b.move(Gone)
		return
	case b.config.Style.Reconnect == scenario.Never && was:
		b.waits = false
		b.move(Gone)
		return
	}
	if was && now-b.since > worked {
		b.failed = 0
	}
	b.set(dial, b.pause(err, now))
	b.failed++
}

// expelled says whether a gate ended the connection for what it takes for a fault of this side.
func expelled(err error) bool {
	var closed *client.CloseError
	if !errors.As(err, &closed) {
		return false
	}
	switch closed.Code {
	case wire.CloseGoingAway, wire.CloseServerGone, wire.CloseInternal, 1005, 1006:
		return false
	}
	return true
}

// goodbye ends the connection in an orderly way.
func (b *Bot) goodbye() {
	b.closing = true
	b.link.Close()
}

// giveUp breaks the connection for what the server did.
func (b *Bot) giveUp(why error) {
	if b.why == nil {
		b.why = why
	}
	b.link.Cut(true)
}

// text is what an oracle may tell people of the end of a connection.
func text(err error, own bool) string {
	if own {
		return ""
	}
	return err.Error()
}

// pause is how long to wait before the next attempt.
func (b *Bot) pause(err error, now time.Duration) time.Duration {
	style := b.config.Style
	switch style.Reconnect {
	case scenario.Fixed:
		return style.Backoff
	case scenario.Storm:
		return style.Backoff - now%style.Backoff
	}
	retry, hint, atLeast := client.Fate(err)
	if !retry {
		return b.mind.between(time.Second, 3*time.Second)
	}
	backoff := client.Backoff{Base: min(base, style.Backoff), Cap: style.Backoff, Rand: b.mind.random.Float64}
	return max(backoff.Delay(b.failed, hint), atLeast)
}

// errNoAnswer reports a server that takes requests and answers none.
var errNoAnswer = errors.New("the server has gone silent")

// checkSilence probes a connection on which nothing came for a while.
func (b *Bot) checkSilence(now time.Duration) {
	if b.link == nil {
		return
	}
	switch silent := time.Since(b.link.Heard()); {
	case silent > 2*quiet-time.Second:
		b.giveUp(fmt.Errorf("%w: nothing came for %v", errNoAnswer, 2*quiet))
		return
	case silent > quiet-time.Second:
		b.link.Ping() //nolint:errcheck // Down follows
	}
	b.setAt(listen, now+quiet)
}
