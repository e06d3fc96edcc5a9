package trunk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
)

// run runs an outbox's sender and returns a function that waits for its end.
func run(t testing.TB, ctx context.Context, o *Outbox, send func([]byte) error) (wait func() error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx, send) }()
	return func() error { return <-ended }
}

func TestOutboxSendsEverythingInOrder(t *testing.T) {
	const putters, each = 8, 2000
	o := NewOutbox()
	next := make(map[uint64]uint64) // by lane; only the sender touches it until wait has returned
	batches := 0
	wait := run(t, t.Context(), o, func(batch []byte) error {
		batches++
		frames, err := collect(batch)
		for _, f := range frames {
			if n := binary.BigEndian.Uint64(f.Payload); n != next[f.Lane] {
				t.Errorf("lane %d: frame %d, want %d", f.Lane, n, next[f.Lane])
			}
			next[f.Lane]++
		}
		return err
	})
	var all sync.WaitGroup
	for lane := range uint64(putters) {
		all.Go(func() {
			for n := range uint64(each) {
				if err := o.Put(lane+1, KindData, binary.BigEndian.AppendUint64(nil, n)); err != nil {
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	all.Wait()
	o.Finish()
	if err := wait(); err != nil {
		t.Fatalf("a finished outbox ended with %v", err)
	}
	for lane, n := range next {
		if n != each {
			t.Errorf("lane %d: %d frames arrived of %d", lane, n, each)
		}
	}
	if len(next) != putters {
		t.Errorf("%d lanes arrived of %d", len(next), putters)
	}
	if batches > putters*each/2 {
		t.Errorf("%d batches for %d frames: a load should share batches", batches, putters*each)
	}
	if err := o.Put(1, KindData); !errors.Is(err, ErrFinished) {
		t.Errorf("put after Finish: %v", err)
	}
}

// Frames that come while a batch is on its way share the next one.
func TestOutboxCollectsWhileItSends(t *testing.T) {
	o := NewOutbox()
	sending, goOn := make(chan []byte), make(chan error)
	wait := run(t, t.Context(), o, func(batch []byte) error {
		sending <- bytes.Clone(batch)
		return <-goOn
	})
	put := func(lane uint64) {
		t.Helper()
		if err := o.Put(lane, KindData); err != nil {
			t.Fatal(err)
		}
	}
	put(1)
	if frames, _ := collect(<-sending); len(frames) != 1 {
		t.Fatalf("first batch: %v", frames)
	}
	put(2)
	put(3)
	goOn <- nil
	if frames, _ := collect(<-sending); len(frames) != 2 || frames[0].Lane != 2 || frames[1].Lane != 3 {
		t.Fatalf("second batch: %v", frames)
	}
	o.Finish()
	goOn <- nil
	if err := wait(); err != nil {
		t.Fatal(err)
	}
}

// Nobody reads: putting never blocks, memory ends at the backlog, and the sender hears of it.
func TestOutboxBacklogIsBounded(t *testing.T) {
	o := NewOutbox()
	stuck, freed := make(chan struct{}), make(chan struct{})
	wait := run(t, t.Context(), o, func([]byte) error {
		close(stuck)
		<-freed
		return nil
	})
	o.Put(1, KindData)
	<-stuck
	payload := make([]byte, 64<<10)
	n := 0
	var err error
	for ; err == nil && n <= 2*Backlog/len(payload); n++ {
		err = o.Put(1, KindData, payload)
	}
	if !errors.Is(err, ErrBacklog) {
		t.Fatalf("after %d puts: %v, want ErrBacklog", n, err)
	}
	if most := Backlog/len(payload) + 1; n > most {
		t.Errorf("%d puts were taken, at most %d fit", n, most)
	}
	if o.batch != nil {
		t.Errorf("a failed outbox keeps %d bytes", cap(o.batch))
	}
	if err := o.Put(2, KindData); !errors.Is(err, ErrBacklog) {
		t.Errorf("a later put: %v, want ErrBacklog", err)
	}
	close(freed)
	if err := wait(); !errors.Is(err, ErrBacklog) {
		t.Errorf("Run ended with %v, want ErrBacklog", err)
	}
}

func TestOutboxEnds(t *testing.T) {
	broken := errors.New("broken")
	t.Run("send fails", func(t *testing.T) {
		o := NewOutbox()
		wait := run(t, t.Context(), o, func([]byte) error { return broken })
		o.Put(1, KindData)
		if err := wait(); !errors.Is(err, broken) {
			t.Errorf("Run: %v", err)
		}
		if err := o.Put(1, KindData); !errors.Is(err, broken) {
			t.Errorf("Put: %v", err)
		}
	})
	t.Run("failed from outside, at rest", func(t *testing.T) {
		o := NewOutbox()
		wait := run(t, t.Context(), o, func([]byte) error { t.Error("sent something"); return nil })
		o.Fail(broken)
		o.Fail(errors.New("later"))
		if err := wait(); !errors.Is(err, broken) {
			t.Errorf("Run: %v", err)
		}
	})
	t.Run("context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		o := NewOutbox()
		wait := run(t, ctx, o, func([]byte) error { return nil })
		cancel()
		if err := wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		if err := o.Put(1, KindData); !errors.Is(err, context.Canceled) {
			t.Errorf("Put: %v", err)
		}
	})
	t.Run("finished before it ran", func(t *testing.T) {
		o := NewOutbox()
		o.Put(1, KindShut, []byte{1})
		o.Finish()
		sent := 0
		wait := run(t, t.Context(), o, func(b []byte) error { sent += len(b); return nil })
		if err := wait(); err != nil || sent == 0 {
			t.Errorf("Run: %v, %d bytes sent", err, sent)
		}
	})
}

// A burst's memory is given back.
func TestOutboxKeepsNoLargeBuffer(t *testing.T) {
	o := NewOutbox()
	sent := make(chan int, 2)
	wait := run(t, t.Context(), o, func(b []byte) error { sent <- len(b); return nil })
	o.Put(1, KindData, make([]byte, MaxFrame))
	<-sent
	o.Put(1, KindData)
	<-sent
	o.Finish()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if cap(o.batch) > keep {
		t.Errorf("%d bytes are kept after a burst, at most %d should be", cap(o.batch), keep)
	}
}

func BenchmarkOutbox(b *testing.B) {
	o := NewOutbox()
	wait := run(b, b.Context(), o, func([]byte) error { return nil })
	body := make([]byte, 60)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			o.Put(1, KindData, body)
		}
	})
	o.Finish()
	wait()
}
