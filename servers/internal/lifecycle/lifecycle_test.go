package lifecycle

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// A goroutine that outlives every test is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func raise(t *testing.T, s os.Signal) {
	t.Helper()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func ends(t *testing.T, what string, c context.Context) {
	t.Helper()
	timer := time.NewTimer(20 * time.Second)
	defer timer.Stop()
	select {
	case <-c.Done():
	case <-timer.C:
		t.Fatalf("%s does not end", what)
	}
}

func TestSignalsEndOneStageEach(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		stages, release := Notify(t.Context())
		if stages.Drain.Err() != nil || stages.Stop.Err() != nil {
			t.Fatal("a stage has ended before any signal")
		}
		raise(t, s)
		ends(t, "the first stage", stages.Drain)
		if stages.Stop.Err() != nil {
			t.Error("one signal ended both stages")
		}
		raise(t, s)
		ends(t, "the second stage", stages.Stop)
		if cause := context.Cause(stages.Stop); !errors.Is(cause, ErrSecondSignal) {
			t.Errorf("the cause is %v", cause)
		}
		release()
	}
}

func TestReleaseEndsBothStages(t *testing.T) {
	stages, release := Notify(t.Context())
	release()
	ends(t, "the first stage", stages.Drain)
	ends(t, "the second stage", stages.Stop)
	release() // twice does no harm
}

func TestParentEndsBothStages(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	stages, release := Notify(parent)
	defer release()
	cancel()
	ends(t, "the first stage", stages.Drain)
	ends(t, "the second stage", stages.Stop)
}

func TestManualStages(t *testing.T) {
	stages, next, release := Manual(t.Context())
	defer release()
	next()
	if stages.Drain.Err() == nil || stages.Stop.Err() != nil {
		t.Error("the first call must end the first stage alone")
	}
	next()
	next() // a third one does no harm
	if stages.Stop.Err() == nil {
		t.Error("the second call must end the second stage")
	}
}
