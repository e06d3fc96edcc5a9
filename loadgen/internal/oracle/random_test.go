package oracle

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A correct table breaks no rule whatever its players do, whoever hears of it first.
func TestACorrectTableAtRandom(t *testing.T) {
	for seed := range uint64(160) {
		w := newWorld()
		w.random = rand.New(rand.NewPCG(seed, 1))
		w.pace, w.fences = []int{2, 3, 4, 30}[seed%4], seed%8 < 4
		w.moves = seed%8 < 4 && seed%16 > 4
		playAtRandom(w, 3000)
		f := w.finish()
		if f.Violated() != 0 {
			report(t, f)
			t.Fatalf("seed %d: a correct table was found to break rules", seed)
		}
		if f.Counts.Events < 1000 || w.moves && (f.Counts.Migrated < 20 || f.Counts.Recovered < 10) {
			t.Fatalf("seed %d: the test tests nothing: %+v", seed, f.Counts)
		}
	}
}

func playAtRandom(w *world, steps int) {
	for range steps {
		bot := int64(w.random.IntN(4) + 1)
		switch dice := w.random.IntN(100); {
		case w.moves && dice > 95:
			w.handOver()
		case w.moves && dice > 93:
			w.deaf = w.random.IntN(2) == 0
			w.roll(bot, int32(w.random.IntN(6)+1)) // which the owner writes down, and tells nobody
			w.deaf = false
			w.takeOver()
		case w.moves && dice > 90 && w.linked[bot]:
			w.change(bot, int32(w.random.IntN(6)-1))
		case !w.linked[bot]:
			if dice < 60 {
				w.sit(bot)
			}
		case dice < 4:
			if !w.calm {
				w.cut(bot, true)
			}
		case dice < 7:
			w.stand(bot)
		case dice < 40:
			w.roll(bot, int32(w.random.IntN(6)+1))
		case dice < 45:
			w.settle()
		case dice < 60 && w.open && !w.running:
			w.begin()
		}
		if w.random.IntN(3) == 0 {
			for _, g := range slices.Clone(w.guests) {
				if !w.linked[g.user] {
					w.notice(g.user)
				}
			}
		}
		w.deliver()
	}
}

// A fault is found in the midst of a crowd, too.
func TestFaultsAtRandomAreFound(t *testing.T) {
	for name, change := range map[string]func(Event) []Event{
		"drop":      func(Event) []Event { return nil },
		"duplicate": func(e Event) []Event { return []Event{e, e} },
		"alter": func(e Event) []Event {
			e.Dice = append(slices.Clone(e.Dice), Die{99, 6})
			return []Event{e}
		},
	} {
		for seed := range uint64(20) {
			w := newWorld()
			w.random = rand.New(rand.NewPCG(seed, 2))
			settlements := 0
			w.tamper = func(_ int64, e Event) []Event {
				if e.Kind != Settled {
					return []Event{e}
				}
				// Five of them: what a bot misses just before its connection breaks, nobody can tell.
				if settlements++; settlements%20 != 0 || settlements > 100 {
					return []Event{e}
				}
				return change(e)
			}
			playAtRandom(w, 3000)
			if f := w.finish(); f.Violated() == 0 {
				t.Errorf("%s, seed %d: not found", name, seed)
			}
		}
	}
}

// One fault at some moment, to one bot: at a table where no connection breaks it is always found;
// where connections break, what hides it is counted as unknown.
func TestOneFaultAtRandomIsFound(t *testing.T) {
	const seeds = 40
	alter := func(e Event) Event {
		switch e.Kind {
		case Started:
			e.Round++
		case Settled:
			e.Dice = append(slices.Clone(e.Dice), Die{99, 6})
		default:
			e.User = 99
		}
		return e
	}
	for name, change := range map[string]func(e Event, later *[]Event) []Event{
		"drop":              func(Event, *[]Event) []Event { return nil },
		"duplicate":         func(e Event, _ *[]Event) []Event { return []Event{e, e} },
		"late":              func(e Event, later *[]Event) []Event { *later = append(*later, e); return nil },
		"a number too high": func(e Event, _ *[]Event) []Event { e.Seq++; return []Event{e} },
		"a number too low":  func(e Event, _ *[]Event) []Event { e.Seq--; return []Event{e} },
		"an older owner":    func(e Event, _ *[]Event) []Event { e.Epoch--; return []Event{e} },
		"alter":             func(e Event, _ *[]Event) []Event { return []Event{alter(e)} },
	} {
		for _, calm := range []bool{true, false} {
			found, hidden := 0, 0
			for seed := range uint64(seeds) {
				w := newWorld()
				w.random, w.calm, w.fences = rand.New(rand.NewPCG(seed, 4)), calm, true
				turn, done, victim, later := 50+int(seed)*12, false, int64(0), []Event(nil)
				w.tamper = func(bot int64, e Event) []Event {
					if bot == victim && len(later) > 0 {
						said := append([]Event{e}, later...)
						later = nil
						return said
					}
					ripe := w.written > turn && (e.Kind == Started || e.Kind == Shaken || e.Kind == Settled)
					if done || !ripe {
						return []Event{e}
					}
					done, victim = true, bot
					return change(e, &later)
				}
				playAtRandom(w, 600)
				switch f := w.finish(); {
				case !done:
					t.Fatalf("%s, seed %d: no fault was made", name, seed)
				case f.Violated() > 0:
					found++
				case f.unknown() > 0:
					hidden++
				}
			}
			if calm && found < seeds || found+hidden < seeds || found < seeds*8/10 {
				t.Errorf("%s, calm %v: of %d faults %d were found, %d may be hidden", name, calm, seeds, found, hidden)
			}
		}
	}
}

func (f Findings) unknown() (n uint64) {
	for _, t := range f.Tallies {
		n += t.Unknown
	}
	return n
}

// Many correct rooms, heard of in many orders: nothing is found, and everything is seen.
func TestAMillionBotRounds(t *testing.T) {
	rooms := 1250
	if testing.Short() {
		rooms = 50
	}
	const loops = 10
	o := New(Config{})
	var tapes []*tape
	for seed := range uint64(16) {
		tapes = append(tapes, taped(seed))
	}
	rounds := uint64(0)
	for n := range uint64(loops) {
		for room := range rooms {
			tape := tapes[room%len(tapes)]
			if n == 0 {
				tape.play(o, int64(room), tape.begin, 0)
				rounds++
			}
			tape.play(o, int64(room), tape.loop, n)
			rounds += tape.rounds
		}
	}
	o.Finish(loops*tapes[0].took + 5*time.Second) // in the midst of a round
	f := o.Findings()
	if f.Violated() != 0 || f.Counts.Settlements != rounds {
		report(t, f)
		t.Fatalf("%d settlements of %d, %d violations", f.Counts.Settlements, rounds, f.Violated())
	}
	for _, rule := range Rules() {
		if f.Tallies[rule].Checked == 0 {
			t.Errorf("%v: nothing was checked", rule)
		}
	}
}
