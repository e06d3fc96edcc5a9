package gate

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"croupier/servers/internal/trunk"
	"croupier/servers/wire"
)

// The old owner dies before it has given back what it had not handled, or never does: requests are
// asked again, what came back is not, and what has no number is not said twice.
func TestOldOwnerIsLostDuringTheMove(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*fake, *fakeLane){
		"dies":      func(f *fake, _ *fakeLane) { f.kill() },
		"says none": func(*fake, *fakeLane) {}, // BackPatience ends
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newFake(t), newFake(t)
			c := newCourt(t, func(c *Config) {
				if name == "says none" {
					c.backPatience = 0 // the default
				}
			}, a, b)
			room := c.room(a, b)
			p, l := c.seated(7, room, 10, a)
			p.says(roll, 1, 1)
			p.says(roll, 2, 0)
			p.says(roll, 3, 3)
			for range 3 {
				l.frame()
			}
			l.moved(&trunk.Moved{Address: b.addr.String()})
			l.put(trunk.KindBack, message(roll, &wire.Int32{Value: 3}, 3))
			l.data(start, nil) // after Moved nothing else counts
			l.hearsShut()
			p.says(roll, 4, 4)
			at := b.next()
			c.eventually("the message to come back", func() bool {
				s := c.session(7)
				s.placing.Lock()
				defer s.placing.Unlock()
				return s.pass != nil && len(s.pass.back.messages) == 1
			})
			at.placed(room, 11)
			end(a, l)
			at.hears(trunk.KindData, "dice_shake 3 #3")
			at.hears(trunk.KindAgain, "dice_shake 1 #1")
			at.hears(trunk.KindData, "dice_shake 4 #4")
			at.data(print, &wire.String{Value: "x"})
			p.hears("print")
			c.eventually("one lane", func() bool { return c.lanes() == 1 })
		})
	}
}

// A server is lost: its sessions keep their sockets, another server hears whom the gate could not
// reach, and unanswered requests are asked again.
func TestServerIsLost(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*fake){"killed": (*fake).kill, "silent": (*fake).hush} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newFake(t), newFake(t)
			c := newCourt(t, nil, a, b)
			room := c.room(a, b)
			p, l := c.seated(7, room, 10, a)
			for n := range 3 {
				p.says(roll, int32(n), uint64(n))
				l.frame()
			}
			l.reply(1, roll, &wire.DiceShake{User: 7})
			p.hears("dice_shake 7 #1")
			end(a)
			at := b.next()
			if o := at.open; !o.GetResume() || len(o.GetDead()) != 1 || o.GetDead()[0] != a.addr.String() {
				t.Errorf("open: %v", o)
			}
			p.says(roll, 9, 9)
			c.eventually("the message to be held", func() bool { return c.held(7) == 1 })
			at.placed(room, 11)
			at.hears(trunk.KindAgain, "dice_shake 2 #2")
			at.hears(trunk.KindData, "dice_shake 9 #9")
			at.reply(2, roll, &wire.DiceShake{User: 7})
			p.hears("dice_shake 7 #2")

			// This one is lost, too, and a third owner takes the room: only 9 has no reply yet.
			e := newFakeAt(t, "127.0.0.1:0")
			c.gate.placement.mu.Lock()
			c.gate.placement.services["dice"].addrs = append(c.gate.placement.services["dice"].addrs, e.addr)
			c.gate.placement.services["dice"].checked = time.Now().Add(time.Hour)
			c.gate.placement.mu.Unlock()
			b.kill()
			third := e.next()
			third.placed(room, 12)
			third.hears(trunk.KindAgain, "dice_shake 9 #9")
		})
	}
}

// The trunk breaks and the server lives: players go on there.
func TestTrunkBreaks(t *testing.T) {
	t.Parallel()
	a := newFake(t)
	c := newCourt(t, nil, a)
	p, l := c.seated(7, 5, 10, a)
	p.says(roll, 1, 1)
	l.frame()
	c.gate.mu.Lock()
	up := c.gate.upstreams[a.addr].up
	c.gate.mu.Unlock()
	up.out.Fail(errUpstreamLost)
	at := a.next()
	if o := at.open; !o.GetResume() || len(o.GetDead()) != 0 {
		t.Errorf("open: %v", o)
	}
	at.placed(5, 10)
	at.hears(trunk.KindAgain, "dice_shake 1 #1")
}

// A server of a build without moves is lost: its players come again, as ever.
func TestOlderServerIsLost(t *testing.T) {
	t.Parallel()
	a := newFake(t)
	a.old = true
	c := newCourt(t, nil, a)
	p := c.player(7)
	p.sits(5, 1)
	l := a.next()
	p.says(roll, 1, 1)
	l.data(wire.Command_SIT_DOWN, &wire.User{Id: 7})
	p.hears("sit_down 7")
	l.hears(trunk.KindData, "dice_shake 1 #1")
	a.kill()
	p.hears("disconnect")
	p.closed(wire.CloseServerGone)
}

// A paused owner: who is asked sends the player back to it for a while, and the gate asks on, with
// growing pauses, until the room is taken over.
func TestSentBackToADeadOwner(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	room := c.room(a, b)
	p, _ := c.seated(7, room, 10, a)
	a.kill()
	began := time.Now()
	pauses, pause := time.Duration(0), firstPause
	for range 4 {
		l := b.next()
		l.moved(&trunk.Moved{Address: a.addr.String()})
		l.hearsShut()
		l.shut(trunk.ReasonMoved)
		pauses += pause
		pause = min(2*pause, lastPause)
	}
	last := b.next() // before moveLimit ends
	if took := time.Since(began); took < pauses {
		t.Errorf("asked once more after %v, there should be pauses of %v", took, pauses)
	}
	last.placed(room, 11)
	p.says(roll, 1, 0)
	c.eventually("one lane", func() bool { return c.lanes() == 1 })
}

// Two servers that send a player to each other for ever: after a while the player is told.
func TestRedirectLoop(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	p := c.player(7)
	p.sits(c.room(a, b), 1)
	asked := make(chan int)
	stop := make(chan struct{})
	go func() {
		n := 0
		defer func() { asked <- n }()
		for {
			select {
			case l := <-a.opened:
				l.moved(&trunk.Moved{Address: b.addr.String()})
			case l := <-b.opened:
				l.moved(&trunk.Moved{Address: a.addr.String()})
			case <-stop:
				return
			}
			n++
		}
	}()
	p.hears("error 1 #1")
	close(stop)
	if n := <-asked; n < 10 || n > 80 {
		t.Errorf("asked %d times in %v", n, moveLimit)
	}
	c.eventually("no lane", func() bool { return c.lanes() == 0 })
	p.sits(c.room(a, b), 2) // the socket still serves
	a.next().seat(c.room(a, b), 3)
	p.hears("sit_down 7")
}

// Who can't resume because the room is gone from everywhere comes again.
func TestNobodyHasTheRoom(t *testing.T) {
	t.Parallel()
	a := newFake(t)
	c := newCourt(t, nil, a)
	p, _ := c.seated(7, 5, 10, a)
	a.kill()
	p.hears("disconnect")
	p.closed(wire.CloseServerGone)
}

// A StandUp is not heard by the owner that dies. The next one knows nothing of the player, who is
// told that it is done; or has the player still, and is asked again.
func TestStandUpDuringAMove(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		request uint64
		absent  bool
	}{{"absent", 4, true}, {"absent, no number", 0, true}, {"still there", 4, false}, {"still there, no number", 0, false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := newFake(t), newFake(t)
			h := newCourt(t, nil, a, b)
			room := h.room(a, b)
			p, l := h.seated(7, room, 10, a)
			p.says(wire.Command_STAND_UP, 0, c.request)
			l.frame()
			p.sits(room, 5) // waits for the end of the StandUp
			a.kill()
			at := b.next()
			number := ""
			if c.request != 0 {
				number = fmt.Sprintf(" #%d", c.request)
			}
			if c.absent {
				at.shut(trunk.ReasonAbsent)
			} else {
				at.placed(room, 11)
				kind := trunk.KindAgain
				if c.request == 0 {
					kind = trunk.KindData
				}
				at.hears(kind, "stand_up"+number)
				at.put(trunk.KindData, message(wire.Command_STAND_UP, &wire.Int64{Value: 7}, c.request))
				at.shut(trunk.ReasonStood)
			}
			p.hears("stand_up 7" + number)
			again := b.next()
			if o := again.open; o.GetResume() || o.GetRequest() != 5 {
				t.Errorf("open: %v", o)
			}
			again.seat(room, 12)
			p.hears("sit_down 7")
		})
	}
}

// The seat is gone, and no StandUp was said.
func TestAbsent(t *testing.T) {
	t.Parallel()
	a, b := newFake(t), newFake(t)
	c := newCourt(t, nil, a, b)
	p, l := c.seated(7, c.room(a, b), 10, a)
	l.moved(&trunk.Moved{Address: b.addr.String()})
	b.next().shut(trunk.ReasonAbsent)
	p.hears("disconnect")
	p.closed(wire.CloseServerGone)
}

// Thousands of sessions of a lost server are led on at once, by few goroutines and over one dial.
func TestManySessionsOfALostServer(t *testing.T) {
	t.Parallel()
	const players, rooms = 1000, 100
	a, b := newFake(t), newFake(t)
	c := newCourt(t, func(c *Config) { c.MaxPerUser = players }, a, b)
	serve := func(f *fake, epoch uint64, resume bool) {
		for range players {
			select {
			case l := <-f.opened:
				if l.open.GetResume() != resume {
					t.Errorf("open: %v", l.open)
				}
				l.seat(l.open.GetRoom(), epoch)
			case <-time.After(patience):
				t.Error("too few lanes are opened")
				return
			}
		}
	}
	// Everybody sits at a, whichever was asked first.
	stop := make(chan struct{})
	var sat sync.WaitGroup
	sat.Go(func() { serve(a, 10, false) })
	sat.Go(func() {
		for {
			select {
			case l := <-b.opened:
				l.moved(&trunk.Moved{Address: a.addr.String()})
			case <-stop:
				return
			}
		}
	})
	var all []*player
	for n := range players {
		p := c.player(int64(1 + n))
		p.sits(int64(1+n%rooms), 1)
		p.hears(fmt.Sprintf("sit_down %d", p.user))
		all = append(all, p)
	}
	close(stop)
	sat.Wait()
	a.kill()
	began := time.Now()
	serve(b, 11, true)
	for _, p := range all {
		p.hears(fmt.Sprintf("sit_down %d", p.user))
	}
	t.Logf("%d sessions went on in %v", players, time.Since(began))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trunks != 1 {
		t.Errorf("%d trunks were opened to the other server", b.trunks)
	}
}
