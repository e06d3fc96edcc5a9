// Package lifecycle turns signals into the two stages in which a server stops.
package lifecycle

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// ErrSecondSignal is the cause of a Stages.Stop that a second signal has ended.
var ErrSecondSignal = errors.New("second signal")

// Stages are the two stages of stopping. A server serves until Drain is done. Then it takes
// nothing new and ends by itself when what it holds is gone, or when Stop is done.
type Stages struct {
	Drain context.Context // done at the first signal
	Stop  context.Context // done at the second one
}

// Notify returns stages that follow SIGTERM and SIGINT, and a function that stops listening. The
// end of parent ends both stages at once.
func Notify(parent context.Context) (Stages, context.CancelFunc) {
	stages, next, release := Manual(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 2 {
			select {
			case <-signals:
				next()
			case <-stages.Stop.Done():
				return
			}
		}
	}()
	return stages, func() {
		signal.Stop(signals)
		release()
		<-ended
	}
}

// Manual returns stages of which each call of next ends one, as a signal would, and a function
// that ends both.
func Manual(parent context.Context) (stages Stages, next func(), release context.CancelFunc) {
	stop, cancelStop := context.WithCancelCause(parent)
	drain, cancelDrain := context.WithCancel(stop)
	next = func() {
		if drain.Err() == nil {
			cancelDrain()
			return
		}
		cancelStop(ErrSecondSignal)
	}
	return Stages{Drain: drain, Stop: stop}, next, func() { cancelStop(context.Canceled) }
}
