package oracle

import (
	"math/rand/v2"
	"testing"
	"time"
)

// read makes events of bytes: of a few bots in a few rooms, with numbers that are often the next
// ones, so that they get past the first checks.
func read(data []byte, each func(room int64, e Event)) {
	var seqs, rounds [3]uint64
	var now time.Duration
	for len(data) >= 5 {
		a, b, c, d, f := data[0], data[1], data[2], data[3], data[4]
		data = data[5:]
		room := int64(a % 3)
		now += time.Duration(b) * 10 * time.Millisecond
		if a&0x40 != 0 {
			seqs[room] += uint64(a >> 7)
		} else {
			seqs[room] = seqs[room] + uint64(c%5) - 2
		}
		if d&0x80 != 0 {
			rounds[room]++
		}
		e := Event{
			Bot: int64(a>>2&7) + 1, At: now, Kind: Kind(c%uint8(Waiting)) + 1, Epoch: uint64(d&3) + 1, Seq: seqs[room],
			User: int64(d>>2&7) + 1, Seat: int32(f&7) - 1, Online: f&8 != 0, Own: f&16 != 0, InRound: f&32 != 0,
			Round: rounds[room], Points: int32(f >> 5), Length: time.Duration(f) * 50 * time.Millisecond,
			Reason: Reason(f % 3), Request: uint64(f >> 4), Way: f&3 == 3,
		}
		if f&4 == 0 && e.Kind == Present {
			e.User = e.Bot
		}
		if f == 255 {
			e.Seq = ^uint64(0) - uint64(b)
		}
		if e.Kind == Settled || e.Kind == Scene {
			for user := range int64(b & 7) {
				e.Dice = append(e.Dice, Die{user + 1, int32(f % 7)})
				e.Winners = append(e.Winners, user+1)
			}
		}
		each(room, e)
	}
}

// Long streams of chance, as FuzzSee.
func TestAnythingGoes(t *testing.T) {
	for seed := range uint64(10) {
		data := make([]byte, 100_000)
		source := rand.NewChaCha8([32]byte{byte(seed)})
		source.Read(data) //nolint:errcheck // it never fails
		anything(t, data)
	}
}

// Whatever bots say: the oracle does not fall over, what it keeps is bounded, and what it counts
// adds up.
func FuzzSee(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
	sitting := []byte{0xc0, 1, 1, 4, 8, 0x40, 1, 7, 4, 32, 0xc0, 1, 4, 0x84, 20, 0xc0, 1, 5, 4, 0x60, 0xc0, 2, 6, 4, 0x60, 0x40, 9, 0, 4, 0}
	f.Add(sitting)
	f.Add(append(append([]byte{}, sitting...), 0xc4, 1, 1, 8, 8, 0x44, 1, 7, 8, 32, 0xc4, 200, 4, 0x84, 20, 0xc4, 200, 5, 4, 255))
	f.Fuzz(anything)
}

func anything(t *testing.T, data []byte) {
	o := New(Config{})
	read(data, func(room int64, e Event) {
		o.See(room, e)
		if e.Points == 3 {
			o.Behind(e.At, e.Length)
		}
	})
	for i := range o.shards {
		for _, r := range o.shards[i].rooms {
			bounded(t, r)
		}
	}
	o.Finish(time.Hour)
	o.Away()
	findings := o.Findings()
	if len(findings.Violations) > 5*len(Rules()) {
		t.Errorf("%d violations are kept", len(findings.Violations))
	}
	kept := make(map[Rule]uint64)
	for _, v := range findings.Violations {
		kept[v.Rule]++
		if v.Text == "" || len(v.Proof) > traceLength+1 {
			t.Errorf("%v: %d lines of proof", v, len(v.Proof))
		}
		v.Lines()
	}
	for rule, tally := range findings.Tallies {
		if tally.Violated > 0 && kept[rule] == 0 {
			t.Errorf("%v: %d violations and none is kept", rule, tally.Violated)
		}
		if over := tally.Violated + tally.Unknown + tally.Checked; over > 1<<40 {
			t.Errorf("%v: %+v", rule, tally)
		}
	}
	if clock := findings.Tallies[Clock]; clock.Violated > clock.Checked {
		t.Errorf("clock: %+v", clock)
	}
}

// bounded fails where a room keeps more than it should.
func bounded(t *testing.T, r *room) {
	if len(r.members) > 16 {
		t.Errorf("%d members of 8 bots", len(r.members))
	}
	for _, l := range r.lives {
		if len(l.ring) > window || len(l.next) > window || len(l.game.rolls) > 64 || len(l.seats) > 64 || len(l.observers) > 8 {
			t.Errorf("ring of %d, %d scenes, %d rolls, %d seats, %d observers", len(l.ring), len(l.next), len(l.game.rolls), len(l.seats), len(l.observers))
		}
	}
	if len(r.lives) > 16 {
		t.Errorf("%d lives", len(r.lives))
	}
}
