package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"croupier/servers/internal/lifecycle"
)

// slot is the place of one server in the stack: two ports, which stay, and the server that is
// there now.
type slot struct {
	name  string
	play  *berth
	ops   *berth
	start func(version string) (server, error) // fixed

	turn sync.Mutex // held by whoever changes the server

	mu  sync.Mutex
	now *life
}

// server is a gate or a game server.
type server interface {
	Run(stages lifecycle.Stages, play, ops net.Listener) error
	Kill()
}

// life is one server's time in a slot.
type life struct {
	server  server
	play    *tenancy
	killed  atomic.Bool
	next    func()
	release func()
	gone    chan struct{}
	signals atomic.Int32
}

// signal is a SIGTERM.
func (l *life) signal() {
	l.signals.Add(1)
	l.next()
}

// kill is a SIGKILL. It returns when nothing of the server is left.
func (l *life) kill() {
	l.strike()
	<-l.gone
}

// strike is a SIGKILL, seen from outside: what is left of the server ends by and by.
func (l *life) strike() {
	l.killed.Store(true)
	l.server.Kill()
	l.play.cut(true)
	l.release()
}

// openSlot opens the ports. Nobody is there yet.
func openSlot(name, address string) (*slot, error) {
	play, err := openBerth(address)
	if err != nil {
		return nil, err
	}
	ops, err := openBerth(anyPort)
	if err != nil {
		play.close()
		return nil, err
	}
	return &slot{name: name, play: play, ops: ops}, nil
}

func (s *slot) close() {
	s.play.close()
	s.ops.close()
}

// current is the newest life; it may be over.
func (s *slot) current() *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// begin starts a server in a slot where none is. It runs in the stack's name until it is gone.
func (s *Stack) begin(at *slot, version string) error {
	running, err := at.start(version)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	l := &life{server: running, gone: make(chan struct{})}
	var stages lifecycle.Stages
	stages, l.next, l.release = lifecycle.Manual(context.Background())
	l.play = at.play.let()
	ops := at.ops.let()
	s.running.Go(func() {
		defer close(l.gone)
		defer l.release()
		if err := running.Run(stages, l.play, ops); err != nil && !l.killed.Load() {
			s.fail(fmt.Errorf("%s: %w", at.name, err))
		}
	})
	at.mu.Lock()
	defer at.mu.Unlock()
	at.now = l
	return nil
}

var errClosed = errors.New("the stack is closed")

// Change is how a server is replaced. Zero values have the meaning named.
type Change struct {
	Version string        // of the new server; default as Config.Version
	Grace   time.Duration // after the first signal until the second one; 0: it is never sent
	Away    time.Duration // how long nobody is there, as while a pod starts
}

// replace does what a rolling update does to one server.
func (s *Stack) replace(ctx context.Context, at *slot, c Change) error {
	if !at.turn.TryLock() {
		return fmt.Errorf("%s is being replaced already", at.name)
	}
	defer at.turn.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.open, func() { cancel(errClosed) })()

	old := at.current()
	if old.signals.Load() == 0 { // else it drains already
		old.signal()
	}
	if err := old.leave(ctx, c.Grace); err != nil {
		return fmt.Errorf("%s did not go: %w", at.name, err)
	}
	if err := sleep(ctx, c.Away); err != nil {
		return fmt.Errorf("%s was not started again: %w", at.name, err)
	}
	if err := s.begin(at, c.Version); err != nil {
		return fmt.Errorf("%s was not started again: %w", at.name, err)
	}
	if err := at.ready(ctx); err != nil {
		return fmt.Errorf("%s does not become ready: %w", at.name, err)
	}
	return nil
}

// leave waits until a server is gone that was sent one signal, and sends the second one after
// grace.
func (l *life) leave(ctx context.Context, grace time.Duration) error {
	var settle <-chan time.Time
	if grace > 0 {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		settle = timer.C
	}
	for {
		select {
		case <-l.gone:
			return nil
		case <-settle:
			l.signal()
			settle = nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// ready waits until the server says that it is.
func (at *slot) ready(ctx context.Context) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.ops.String()+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := client.Do(request); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
