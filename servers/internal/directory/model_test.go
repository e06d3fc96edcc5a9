package directory

import (
	"encoding/hex"
	"flag"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
)

// The test of interleavings. Two servers, a gate and a room; the servers run the real Claim, Look and Tenure, over a store
// whose every step the schedule decides (stage_test.go): when a write is carried out, when its answer arrives, whether the answer
// is lost, whether the write comes late, after it was given up. What a gate or a lease could make a server do, a server does
// at any time here: take a room over from a live owner, move it, lose the answer of a move, die, and come back. A
// process that is stopped is one whose answers wait while the others go on.
//
// A schedule is a string of bytes. One that fails is shortened, and printed; -schedule repeats it. It decides the order of the
// steps; within a step goroutines run in parallel, so a schedule that fails may need some plays to fail again.
var (
	schedule  = flag.String("schedule", "", "repeat one schedule of TestInterleavings, in hexadecimal")
	schedules = flag.Int("schedules", 5_000, "how many random schedules TestInterleavings plays")
)

// Deliberate errors, to show that the checks catch them.
type flaw int

const (
	sound       flaw = iota
	noCompare        // the store writes whatever the revision is
	earlyAnswer      // a room speaks before its save is answered
	hopeful          // an unknown outcome is taken for a success
	sameEpoch        // the epoch does not grow
	trustful         // after a move without an answer, the other server is taken to have what it was offered
	noSeal           // a journal is read that can still grow
	forgetful        // a journal is not read
	eagerPurge       // all of a journal is removed where a part of it may be
	noCopies         // a journal is packed without a copy of what rests
	blindScan        // a journal is removed that an entry names
	undirected       // a room that was not taken is saved in the journal, and its entry's revision stays
)

func TestInterleavings(t *testing.T) {
	if *schedule != "" {
		bytes, err := hex.DecodeString(*schedule)
		if err != nil {
			t.Fatal(err)
		}
		if err := replay(t, bytes, sound, t.Logf); err != nil {
			t.Fatal(err)
		}
		return
	}
	if seed, bytes, err := search(t, *schedules, sound); err != nil {
		t.Fatalf("seed %d: %v\nrepeat it with: go test ./servers/internal/directory -run TestInterleavings -schedule %x", seed, err, bytes)
	}
}

func TestInterleavingsCatchFlaws(t *testing.T) {
	for _, f := range []flaw{noCompare, earlyAnswer, hopeful, sameEpoch, trustful, noSeal, forgetful, eagerPurge, noCopies, blindScan, undirected} {
		seed, bytes, err := search(t, 3000, f)
		if err == nil {
			t.Errorf("flaw %d was not found", f)
			continue
		}
		t.Logf("flaw %d: found with seed %d: %v; schedule %x", f, seed, err, bytes)
		if replay(t, bytes, f, nil) == nil {
			t.Errorf("flaw %d: the schedule does not repeat", f)
		}
	}
}

func FuzzInterleavings(f *testing.F) {
	f.Add([]byte("a schedule"))
	// A late read with the same bytes was once taken for a save, after the room had moved.
	late, _ := hex.DecodeString("a147917c0b1baaba5eb5359874956e9810631fb82c97b4f4d5e85bde154e5cc9076b3d74ad577a1fc65321dbea766f5d7bde9cd4a44711b164361b8c732627fc030734")
	f.Add(late)
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if err := play(t, bytes[:min(len(bytes), 400)], sound, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// search plays random schedules until one fails, and shortens that.
func search(t *testing.T, runs int, f flaw) (uint64, []byte, error) {
	for seed := range uint64(runs) {
		r := rand.New(rand.NewPCG(seed, 1))
		bytes := make([]byte, 20+r.IntN(280))
		for i := range bytes {
			bytes[i] = byte(r.Uint32())
		}
		err := play(t, bytes, f, nil)
		if err == nil {
			continue
		}
		for size := len(bytes) / 2; size > 0; {
			shorter := false
			for at := 0; at+size <= len(bytes); {
				try := slices.Concat(bytes[:at], bytes[at+size:])
				if e := play(t, try, f, nil); e != nil {
					bytes, err, shorter = try, e, true
				} else {
					at += size
				}
			}
			if !shorter {
				size /= 2
			}
		}
		return seed, bytes, err
	}
	return 0, nil, nil
}

// replay plays a schedule until it fails, 200 times at most.
func replay(t *testing.T, bytes []byte, f flaw, log func(string, ...any)) (err error) {
	for plays := 0; err == nil && plays < 200; plays++ {
		err = play(t, bytes, f, log)
	}
	return err
}

// play plays a schedule once, and tells what went wrong.
func play(t *testing.T, bytes []byte, f flaw, log func(string, ...any)) (err error) {
	if raceDetector {
		// In a bubble, goroutines that look at timers' channels use the race detector's state of the bubble's timers
		// side by side, and it crashes: four of six runs of 20,000 schedules (go 1.26.8, golang/go#78156). With one
		// processor nothing is side by side, and races are still seen, as they are told from the order of events.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	synctest.Test(t, func(*testing.T) {
		w := newWorld(bytes, f, log)
		w.run()
		err = w.wrong
	})
	return err
}
