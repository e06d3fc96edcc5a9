package gate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// world is one room that several fakes own in turn, by the rules of package trunk.
type world struct {
	t     *testing.T
	room  int64
	fakes []*fake

	mu      sync.Mutex
	owner   int
	epoch   uint64
	handled map[int64][]uint64 // requests, by user, in order
	lanes   map[*fakeLane]bool // at the owner; true: it was sent on
}

// serve lets a fake answer its lanes until done is closed.
func (w *world) serve(n int, done <-chan struct{}, work *sync.WaitGroup) {
	for {
		select {
		case l := <-w.fakes[n].opened:
			work.Go(func() { w.answer(n, l, done) })
		case <-done:
			return
		}
	}
}

// answer does on one lane what a game server does.
func (w *world) answer(n int, l *fakeLane, done <-chan struct{}) {
	w.mu.Lock()
	if w.owner == n {
		w.lanes[l] = false
		l.placed(w.room, w.epoch)
		if request := l.open.GetRequest(); request != 0 {
			l.reply(request, wire.Command_SIT_DOWN, &wire.User{Id: l.open.GetUser()})
		}
	} else {
		w.lanes[l] = true
		l.moved(&trunk.Moved{Address: w.fakes[w.owner].addr.String()})
	}
	w.mu.Unlock()
	for {
		var f trunk.Frame
		select {
		case f = <-l.frames:
		case <-done:
			return
		}
		w.mu.Lock()
		sent, stands := w.lanes[l]
		switch {
		case f.Kind == trunk.KindShut:
			if sent {
				l.shut(trunk.ReasonMoved)
			}
			delete(w.lanes, l)
			w.mu.Unlock()
			return
		case !stands: // its trunk is lost
		case sent:
			l.put(trunk.KindBack, f.Payload)
		default:
			w.handle(l, f)
		}
		w.mu.Unlock()
	}
}

// handle needs w.mu. The memory of requests goes with the room, as in a snapshot.
func (w *world) handle(l *fakeLane, f trunk.Frame) {
	_, body, _ := wire.Split(f.Payload)
	user, request := l.open.GetUser(), wire.RequestID(body)
	known := false
	for _, before := range w.handled[user] {
		known = known || before == request
	}
	switch {
	case known && f.Kind != trunk.KindAgain:
		w.t.Errorf("user %d: request %d is said twice", user, request)
	case !known:
		w.handled[user] = append(w.handled[user], request)
	}
	l.reply(request, wire.Command_DICE_SHAKE, &wire.DiceShake{User: user})
}

// move gives the room to another fake.
func (w *world) move() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owner = (w.owner + 1) % len(w.fakes)
	w.epoch++
	for l, sent := range w.lanes {
		if !sent {
			w.lanes[l] = true
			l.moved(&trunk.Moved{Address: w.fakes[w.owner].addr.String()})
		}
	}
}

// lose breaks all trunks of a gate, whatever is under way on them. The room may go on elsewhere.
func (w *world) lose(g *Gate, elsewhere bool) {
	w.mu.Lock()
	if elsewhere {
		w.owner = (w.owner + 1) % len(w.fakes)
		w.epoch++
	}
	clear(w.lanes) // who speaks on a lane of an old trunk is not heard
	w.mu.Unlock()
	g.mu.Lock()
	var all []*upstream
	for _, d := range g.upstreams {
		select {
		case <-d.done:
			if d.up != nil {
				all = append(all, d.up)
			}
		default:
		}
	}
	g.mu.Unlock()
	for _, up := range all {
		up.out.Fail(errUpstreamLost)
	}
}

// Whatever moves and breaks, each request of each player is handled once, in the order in which it
// was said, and has its reply.
func TestRequestsAreHandledOnceThroughAllMoves(t *testing.T) {
	for name, breaks := range map[string]bool{"moves": false, "moves and losses": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const players, requests, window = 8, 200, 8
			w := &world{t: t, room: 5, epoch: 10, handled: make(map[int64][]uint64), lanes: make(map[*fakeLane]bool), fakes: []*fake{newFake(t), newFake(t), newFake(t)}}
			c := newCourt(t, nil, w.fakes...)
			done := make(chan struct{})
			var work, playing sync.WaitGroup
			for n := range w.fakes {
				work.Go(func() { w.serve(n, done, &work) })
			}
			for n := range players {
				p := c.player(int64(1 + n))
				p.sits(w.room, 1000)
				p.hears(fmt.Sprintf("sit_down %d #1000", p.user))
				playing.Go(func() { w.play(p, requests, window) })
			}
			over := make(chan struct{})
			work.Go(func() {
				playing.Wait()
				close(over)
			})
			random := rand.New(rand.NewPCG(1, 2))
			pause := time.NewTicker(3 * time.Millisecond)
			defer pause.Stop()
			moves, losses := 0, 0
			for running := true; running; {
				select {
				case <-over:
					running = false
				case <-pause.C:
					if breaks && random.IntN(10) == 0 {
						losses++
						w.lose(c.gate, random.IntN(2) == 0)
					} else {
						moves++
						w.move()
					}
				}
			}
			close(done)
			work.Wait()
			for user, handled := range w.handled {
				for i, request := range handled {
					if request != uint64(i+1) {
						t.Fatalf("user %d: request %d is handled as the %dth", user, request, i+1)
					}
				}
				if len(handled) != requests {
					t.Errorf("user %d: %d requests are handled of %d", user, len(handled), requests)
				}
			}
			t.Logf("%d moves, %d losses", moves, losses)
		})
	}
}

// play sends requests, some ahead of their replies, and expects each reply at least once.
func (w *world) play(p *player, requests, window int) {
	answered := make(map[uint64]bool)
	next := 1
	for len(answered) < requests {
		for next <= requests && next-1-len(answered) < window {
			if err := wsutil.WriteClientBinary(p.conn, message(wire.Command_DICE_SHAKE, &wire.Int32{Value: 1}, uint64(next))); err != nil {
				w.t.Errorf("user %d: %v", p.user, err)
				return
			}
			next++
		}
		f, err := ws.ReadFrame(p.conn)
		if err != nil || f.Header.OpCode != ws.OpBinary {
			w.t.Errorf("user %d, after %d replies: %v %v %q", p.user, len(answered), err, f.Header.OpCode, f.Payload)
			return
		}
		_, body, _ := wire.Split(f.Payload)
		if text := said(f.Payload); !strings.HasPrefix(text, "dice_shake ") {
			w.t.Errorf("user %d hears %q", p.user, text)
			return
		}
		answered[wire.RequestID(body)] = true
	}
}
