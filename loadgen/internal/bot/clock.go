package bot

import (
	"time"

	"croupier/loadgen/internal/clock"
)

// hand is one of the times at which a bot has something to do.
type hand uint8

const (
	dial   hand = iota // connect
	acting             // do what it decided to do
	flap               // break the connection
	answer             // give up waiting for an answer
	listen             // look whether the connection is silent
	pulse              // ping the room
	leave              // go; on the way out: go at once
	hands
)

// times are what a bot has to do when, and the one alarm that serves them all. The bot's lock guards it.
type times struct {
	alarm clock.Alarm
	armed time.Duration // what the alarm is set to; 0: it is not
	due   [hands]time.Duration
}

// set plans something in a while. No while at all, and none that is negative, is in a moment; what
// is planned for 0 is not planned: see clear.
func (b *Bot) set(h hand, in time.Duration) {
	if (h == flap || h == pulse) && in <= 0 {
		return // it never does
	}
	b.setAt(h, b.world.Now()+max(in, 0))
}

// setAt plans something for a time since the begin of the run.
func (b *Bot) setAt(h hand, at time.Duration) {
	b.due[h] = max(at, 1)
	b.arm()
}

func (b *Bot) clear(h hand) { b.due[h] = 0 } // the alarm may go off for nothing

// arm sets the alarm for what comes first.
func (b *Bot) arm() {
	if b.state == Gone {
		return
	}
	var first time.Duration
	for _, at := range b.due {
		if at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	if first == 0 || b.armed != 0 && b.armed <= first {
		return
	}
	b.armed = first
	b.world.SetAlarm(&b.alarm, first)
}

// silence stops them all.
func (b *Bot) silence() {
	b.due = [hands]time.Duration{}
	b.world.StopAlarm(&b.alarm)
}

// wake does everything that is due.
func (b *Bot) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = 0
	now := b.world.Now()
	for h, at := range b.due {
		if at == 0 || at > now || b.due[h] != at || b.state == Gone {
			continue
		}
		b.due[h] = 0
		switch hand(h) {
		case dial:
			b.connect(at)
		case acting:
			b.do(at)
		case flap:
			b.cut()
			b.set(flap, b.mind.untilBreak())
		case answer:
			b.unanswered()
		case listen:
			b.checkSilence(now)
		case pulse:
			b.ping(at)
		case leave:
			b.timeToLeave()
		}
	}
	b.arm()
}

// timeToLeave is the end of a stay, or of the patience on the way out.
func (b *Bot) timeToLeave() {
	switch {
	case !b.stopping:
		b.stop()
	case b.link != nil:
		b.cutting = true
		b.link.Cut(false)
	case !b.dialing:
		b.move(Gone)
	}
}
