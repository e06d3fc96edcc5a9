package load

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"croupier/servers/client"
	"croupier/servers/wire"
)

const ms = time.Millisecond

func TestAStormIsAWave(t *testing.T) {
	w := newWaves()
	if n := w.lost(0, true, 100); n != 0 {
		t.Errorf("a bot's own break without a storm is in wave %d", n)
	}
	w.begin(10*time.Second, 100)
	var number uint32
	for range 100 {
		number = w.lost(10*time.Second+gust, true, 100)
	}
	if late := w.lost(10*time.Second+gust+1, true, 100); number == 0 || late != 0 {
		t.Errorf("a loss in the storm is in wave %d, one after it in %d", number, late)
	}
	for i := range 100 {
		if i == 99 {
			if before := w.list()[0]; before.Back != 99 || before.Whole != 0 || before.Most != 99*ms || before.Half != 50*ms {
				t.Errorf("99 of 100 are back: %+v", before)
			}
		}
		w.back(number, time.Duration(100-(i+1)%100)*ms) // in no order
	}
	list := w.list()
	if len(list) != 1 {
		t.Fatalf("%d waves", len(list))
	}
	if one := list[0]; !one.Own || one.At != 10 || one.Lost != 100 || one.Back != 100 || one.Half != 50*ms || one.Most != 99*ms || one.Whole != 100*ms {
		t.Errorf("%+v", one)
	}
}

func TestAGustIsAWave(t *testing.T) {
	w := newWaves()
	for range fewest - 1 {
		w.lost(time.Second, false, 20)
	}
	if len(w.list()) != 0 {
		t.Error("few losses are a wave")
	}
	number := w.lost(time.Second+gust, false, 20)
	if list := w.list(); len(list) != 1 || list[0].Lost != fewest || list[0].Own {
		t.Errorf("waves %+v", list)
	}
	for range fewest { // of many: no wave
		w.lost(5*time.Second, false, 1000*fewest)
	}
	if len(w.list()) != 1 {
		t.Error("a small share of the bots is a wave")
	}
	next := w.lost(10*time.Second, false, 20)
	w.back(number, ms)
	w.back(0, ms)
	w.back(99, ms)
	w.back(2, ms) // which was none
	if list := w.list(); next == number || len(list) != 1 || list[0].Back != 1 {
		t.Errorf("waves %+v", list)
	}
}

// A storm of ours and one of the servers' at the same time are two.
func TestAStormWithinAGust(t *testing.T) {
	w := newWaves()
	w.begin(time.Second, 10)
	for range 10 {
		if w.lost(time.Second+ms, true, 10) == w.lost(time.Second+2*ms, false, 10) {
			t.Fatal("they are one")
		}
	}
	if list := w.list(); len(list) != 2 || list[0].Own == list[1].Own || list[0].Lost != 10 || list[1].Lost != 10 {
		t.Errorf("waves %+v", list)
	}
}

// A run of any length keeps what it can tell, and no more.
func TestWavesAreBounded(t *testing.T) {
	w := newWaves()
	for i := range 3 * mostWaves {
		at := time.Duration(i) * 10 * time.Second
		w.begin(at, 10)
		for range 10 {
			w.back(w.lost(at, true, 10), ms)
			w.back(w.lost(at, false, 10), ms)
		}
	}
	kept := 0
	for _, one := range w.waves {
		if one != nil {
			kept++
		}
	}
	if n := len(w.list()); n != mostWaves || kept > mostWaves {
		t.Errorf("%d waves are told, %d kept", n, kept)
	}
}

func TestSkew(t *testing.T) {
	k := newSkew(100, 2)
	for i, c := range []struct {
		room       int64
		epoch, seq uint64
		at         time.Duration
		after      time.Duration
		known      bool
	}{
		{100, 1, 5, 10 * ms, 0, false},
		{100, 1, 5, 13 * ms, 3 * ms, true},
		{101, 1, 5, 20 * ms, 0, false}, // another room
		{100, 1, 9, 30 * ms, 0, false},
		{100, 1, 5, 31 * ms, 0, false}, // too late to be known
		{100, 1, 9, 29 * ms, 0, true},  // handed in before, read after
		{100, 2, 1, 40 * ms, 0, false}, // a new owner
		{100, 1, 9, 41 * ms, 0, false},
		{100, 2, 1, 44 * ms, 4 * ms, true},
		{99, 1, 1, 1, 0, false}, {102, 1, 1, 1, 0, false}, {102, 1, 1, 2, 0, false}, // not of the run
	} {
		if after, known := k.heard(c.room, c.epoch, c.seq, c.at); after != c.after || known != c.known {
			t.Errorf("%d: %v %v, not %v %v", i, after, known, c.after, c.known)
		}
	}
}

func TestTroublesAreBounded(t *testing.T) {
	var all troubles
	for i := range 10 * maxTroubles {
		all.add(fmt.Errorf("trouble %d", i), false)
	}
	all.add(&client.RefusedError{Code: wire.Code_FAIL, Desc: "error: no"}, true)
	list := all.list()
	sum, unauthorized := all.count()
	if len(list) != maxTroubles+1 || list[0].Text != "something else" || sum != 10*maxTroubles+1 || unauthorized != 1 {
		t.Errorf("%d troubles are told apart, %v of them first; %d in all, %d unauthorized", len(list), list[0], sum, unauthorized)
	}
}

func TestTroubleInWords(t *testing.T) {
	if s := describe(&client.RefusedError{Op: wire.Command_SIT_DOWN, Code: wire.Code_FAIL, Desc: "error: no"}); s != "refused: no (code 1)" {
		t.Error(s)
	}
	if s := describe(errors.New("read tcp 127.0.0.1:3->127.0.0.1:4: it broke")); s != "it broke" {
		t.Error(s)
	}
}
