package trunk

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A trunk at rest beats; a busy one need not.
func TestOutboxBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := NewOutbox()
		ctx, cancel := context.WithCancel(t.Context())
		var empty, full atomic.Int64
		ended := make(chan error, 1)
		go func() {
			ended <- o.Live(ctx, func(batch []byte) error {
				if len(batch) == 0 {
					empty.Add(1)
				} else {
					full.Add(1)
				}
				return nil
			})
		}()
		synctest.Wait()
		if empty.Load() != 1 || full.Load() != 0 {
			t.Fatalf("a trunk begins with %d empty batches and %d others, want 1 and 0", empty.Load(), full.Load())
		}
		time.Sleep(10*BeatEvery + BeatEvery/2)
		synctest.Wait()
		if n := empty.Swap(0); n < 10 || n > 11 {
			t.Errorf("%d beats in ten times BeatEvery", n)
		}
		for range 20 {
			o.Put(1, KindData)
			time.Sleep(BeatEvery / 2)
		}
		synctest.Wait()
		if empty.Load() > 1 || full.Load() != 20 {
			t.Errorf("%d beats among %d batches: a busy trunk needs none", empty.Load(), full.Load())
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A side that beats and falls silent is noticed in time, one that never beat is not.
func TestSilence(t *testing.T) {
	for name, c := range map[string]struct {
		beats bool
		want  error
	}{"of a side that beats": {true, ErrSilent}, "of an older build": {false, context.DeadlineExceeded}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := new(Pulse)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if c.beats {
					p.Heard(nil)
				}
				if p.Beats() != c.beats {
					t.Error("beats?", p.Beats())
				}
				began := time.Now()
				go func() {
					for range 10 { // it lives for some seconds, by beats or by messages
						time.Sleep(BeatEvery)
						p.Heard([]byte{1})
					}
				}()
				err := p.Watch(ctx)
				if !errors.Is(err, c.want) {
					t.Errorf("ended with %v, want %v", err, c.want)
				}
				took := time.Since(began) - 10*BeatEvery
				if c.beats && (took < SilentAfter-BeatEvery || took > SilentAfter+BeatEvery) {
					t.Errorf("noticed after %v of silence, want about %v", took, SilentAfter)
				}
			})
		})
	}
}

func TestBeatThatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		if err := NewOutbox().Live(t.Context(), func([]byte) error { return broken }); !errors.Is(err, broken) {
			t.Error(err)
		}
		sent := 0
		err := NewOutbox().Live(t.Context(), func([]byte) error {
			if sent++; sent == 3 {
				return broken
			}
			return nil
		})
		if !errors.Is(err, broken) || sent != 3 {
			t.Error(err, sent)
		}
	})
}
