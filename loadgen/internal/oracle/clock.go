package oracle

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// clock is when the server said that the next thing happens: the settlement of a round that runs,
// or the start of the next one. It is read where the first bot of a room hears of it, so that a slow
// connection does not count, and only while there are bots in the room.
type clock struct {
	due    time.Duration // since the begin of the run; 0: nothing is known to be due
	round  uint64        // that runs, or that was settled
	starts bool          // what is due is a start
}

// expect sets the clock by what was said at a time about what comes in so long.
func (l *life) expect(at, after time.Duration, round uint64, starts bool) {
	l.clock = clock{}
	if after > 0 && !l.still && l.room.book.config.Late >= 0 {
		l.clock = clock{due: at + after, round: round, starts: starts}
	}
}

// came takes that what was due is there.
func (l *life) came(at time.Duration) {
	c := l.clock
	if c.due == 0 {
		return
	}
	l.room.checked(Clock)
	if late := at - c.due; late > l.room.book.config.Late {
		l.suspect(at, fmt.Sprintf("%s at %s, and came %s late", c.what(), seconds(c.due), seconds(late)))
	}
	l.clock = clock{}
}

func (c clock) what() string {
	if c.starts {
		return fmt.Sprintf("the round after %d was to start", c.round)
	}
	return fmt.Sprintf("round %d was to be settled", c.round)
}

// overdue looks whether what is due should have come before what a bot is told now.
func (l *life) overdue(m *member, e *Event) {
	if l.clock.due == 0 || e.At <= l.clock.due+l.room.book.config.Late || l.head < m.last {
		return
	}
	if e.Kind == Settled && !l.clock.starts || e.Kind == Started {
		return // this is it, or the lack of it is another rule's
	}
	l.missed(e.At)
}

// overdueAtLast looks whether what is due never came.
func (l *life) overdueAtLast(at time.Duration) {
	if l.clock.due != 0 && len(l.observers) > 0 && at > l.clock.due+l.room.book.config.Late {
		l.missed(at)
	}
	l.lapse()
}

func (l *life) missed(at time.Duration) {
	l.room.checked(Clock)
	l.suspect(at, fmt.Sprintf("%s at %s, and %s later was not", l.clock.what(), seconds(l.clock.due), seconds(at-l.clock.due)))
	l.clock = clock{}
}

// lapse gives up on what is due: nobody is there to see it.
func (l *life) lapse() {
	if l.clock.due != 0 {
		l.room.unknown(Clock)
	}
	l.clock = clock{}
}

// suspect is a clock that went wrong, until it is known whether it was the generator's own.
type suspect struct {
	from, to  time.Duration
	violation Violation // where it is to be kept
}

// suspicion is how long after something came too late the generator may still say that it was
// behind; mostSuspects, how many wait for that in a shard.
const (
	suspicion    = 3 * time.Second
	mostSuspects = 1024
	forever      = time.Duration(math.MaxInt64)
)

func (l *life) suspect(at time.Duration, text string) {
	b := l.room.book
	if len(b.suspects) >= mostSuspects {
		b.resolve(forever)
	}
	s := suspect{from: l.clock.due, to: at}
	if len(b.suspects) < b.config.Keep || b.tallies[Clock].Violated < uint64(b.config.Keep) && len(b.suspects) < 4*b.config.Keep {
		s.violation = Violation{Rule: Clock, Room: l.room.number, Text: text, Proof: l.room.proof(Clock, about{round: l.clock.round})}
	}
	b.suspects = append(b.suspects, s)
}

// resolve judges the suspects that are old enough at a time.
func (b *book) resolve(at time.Duration) {
	n := 0
	for ; n < len(b.suspects) && at-b.suspects[n].to > suspicion; n++ {
		s := &b.suspects[n]
		t := &b.tallies[Clock]
		if b.slips.meet(s.from, s.to) {
			t.Checked--
			t.Unknown++
			continue
		}
		t.Violated++
		if t.Violated <= uint64(b.config.Keep) && s.violation.Text != "" {
			b.violations = append(b.violations, s.violation)
		}
	}
	if n > 0 {
		b.suspects = append(b.suspects[:0], b.suspects[n:]...)
	}
	if len(b.suspects) == 0 {
		b.suspects = nil
	}
}

// slips are the times in which the generator itself was behind.
type slips struct {
	mu    sync.Mutex
	times []slip // in order of their begin
}

type slip struct{ from, to time.Duration }

// mostSlips bounds the slips that are kept. Older ones are no longer asked for.
const mostSlips = 256

func (s *slips) add(from, to time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.times); n > 0 && from <= s.times[n-1].to && from >= s.times[n-1].from {
		s.times[n-1].to = max(s.times[n-1].to, to)
		return
	}
	if len(s.times) == mostSlips {
		s.times = append(s.times[:0], s.times[1:]...)
	}
	s.times = append(s.times, slip{from, to})
}

// meet says whether the generator was behind at some time between the two.
func (s *slips) meet(from, to time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.times {
		if t.from <= to && from <= t.to {
			return true
		}
	}
	return false
}
