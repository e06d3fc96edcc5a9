// Package bot plays dice like a person: it sits down, thinks, rolls, leaves now and then and comes
// back, and loses its connection in the midst of it. It tells a Watcher everything that it sees.
//
// mind.go decides, from a seed; line.go is the connection that breaks; this file does what was
// decided. One goroutine plays a bot. Run waits for everything the bot started.
package bot

import (
	"context"
	"errors"
	"time"

	"croupier/loadgen/internal/oracle"
	"croupier/servers/client"
	"croupier/servers/wire"
)

// Config is who plays, where and how.
type Config struct {
	User     int64
	Place    client.Place
	Target   client.Target
	Style    Style
	Seed     uint64        // with the user's number, decides everything that is left to chance
	Began    time.Time     // of the run: events count from here
	Patience time.Duration // how long a bot that is told to stop tries to get back to a table it lost
}

// State is where a bot is.
type State uint8

const (
	Gone       State = iota // not started, or at its end
	Connecting              // it never was at the table
	Seated
	Watching // at the table without a seat
	Away     // it lost its connection and wants back
	Out      // it stood up, or the room was closed, and it will sit down again
	States
)

func (s State) String() string {
	return [...]string{"gone", "connecting", "seated", "watching", "away", "out", ""}[s]
}

// Watcher is told what bots see and do. It is called from the goroutines of all bots.
type Watcher interface {
	See(room int64, e oracle.Event)
	Move(from, to State)
	Trouble(err error) // something went wrong that the bot did not do itself
}

// sitTimeout bounds the wait for a seat.
const sitTimeout = 10 * time.Second

// farewell bounds the wait for the answer of a bot's last request, and of its connection's end.
const farewell = 3 * time.Second

type bot struct {
	config Config
	watch  Watcher
	mind   *mind
	line   *line
	client *client.Client

	state   State
	online  bool
	cutting bool // the bot itself broke the connection, and has not heard of it yet
	waits   bool // Away, and not by its own doing: whether the table is still there must be found out
	seat    int32
	sat     chan error // of the request under way; nil: none

	act   *time.Timer // when next comes
	next  act
	flap  *time.Timer
	dials uint64 // clients so far, for their seeds
}

// act is something a bot has decided to do at a time.
type act uint8

const (
	nothing act = iota
	sit
	roll
	stand
)

// Run plays until stop is closed, then gets up from the table; or until ctx ends, then leaves
// everything as it is.
func Run(ctx context.Context, stop <-chan struct{}, c Config, w Watcher) {
	b := &bot{config: c, watch: w, mind: newMind(c.Style, c.Seed, c.User), seat: client.AnySeat, act: stopped(), flap: stopped()}
	defer b.act.Stop()
	defer b.flap.Stop()
	defer b.move(Gone)
	b.move(Connecting)
	b.armFlap()
	for b.play(ctx, stop) {
		pause := time.NewTimer(b.mind.between(time.Second, 3*time.Second))
		select {
		case <-pause.C:
		case <-stop:
		case <-ctx.Done():
		}
		pause.Stop()
		if closed(stop) || ctx.Err() != nil {
			return
		}
	}
}

// play is the life of one client. True: the client came to an end that was not asked for.
func (b *bot) play(ctx context.Context, stop <-chan struct{}) (again bool) {
	b.line = &line{}
	b.dials++
	b.client = client.Start(b.config.Target, client.Options{
		Backoff:     client.Backoff{Cap: b.config.Style.BackoffCap, Rand: b.mind.backoff(b.dials)},
		DialTimeout: 5 * time.Second,
		EventBuffer: 128,
		NetDial:     b.line.dial,
	})
	defer b.drain()
	var patience <-chan time.Time
	for {
		select {
		case e, open := <-b.client.Events():
			if !open {
				return true
			}
			b.take(e)
		case err := <-b.sat:
			b.sat = nil
			b.seated(err)
		case <-b.act.C:
			b.do()
		case <-b.flap.C:
			b.cut()
			b.armFlap()
		case <-stop:
			stop = nil
			b.mind.stopping = true
			b.flap.Stop()
			timer := time.NewTimer(b.config.Patience)
			defer timer.Stop()
			patience = timer.C
		case <-patience:
			return false
		case <-ctx.Done():
			return false
		}
		if stop == nil && !(b.state == Away && b.waits) {
			b.getUp(ctx)
			return false
		}
	}
}

// getUp stands up from the table.
func (b *bot) getUp(ctx context.Context) {
	if b.state != Seated && b.state != Watching {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	b.client.Stand(ctx) //nolint:errcheck // what became of it is for the oracle to say
}

// drain closes the client and takes what it still has to tell.
func (b *bot) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	b.client.Close(ctx) //nolint:errcheck // the end of the events is waited for below
	if b.sat != nil {
		<-b.sat
		b.sat = nil
	}
	for e := range b.client.Events() {
		b.take(e)
	}
	if b.state == Seated || b.state == Watching {
		b.lose(true, "")
	}
}

// take handles one event of the client.
func (b *bot) take(e client.Event) {
	switch e := e.(type) {
	case client.Connected:
		b.online, b.cutting = true, false
		if _, resumes := b.client.Place(); !resumes {
			pause := time.Duration(0)
			if b.state == Out {
				pause = b.mind.rest()
			}
			b.plan(sit, pause)
		}
	case client.Message:
		seen := oracle.Decode(e.Op, e.Body)
		seen.Bot, seen.At = b.config.User, e.At.Sub(b.config.Began)
		b.watch.See(b.config.Place.Room, seen)
		b.consider(seen)
		if refused, ok := e.Body.(*wire.Error); ok {
			b.watch.Trouble(&client.RefusedError{Code: refused.GetCode(), Desc: refused.GetDesc()})
		}
	case client.NotResumed:
		b.watch.Trouble(e.Err)
		b.plan(sit, b.mind.between(0, 2*time.Second))
	case client.Lost:
		b.lost(e.Err)
	case client.Closed:
		if !errors.Is(e.Err, client.ErrClosed) {
			b.lost(e.Err)
		}
	}
}

// lost takes that there is no connection, or still none.
func (b *bot) lost(err error) {
	own := b.cutting
	b.cutting = false
	if own {
		b.lose(true, "")
		return
	}
	b.lose(false, err.Error())
	b.watch.Trouble(err)
}

// lose notes that the connection is gone.
func (b *bot) lose(own bool, why string) {
	b.online = false
	b.plan(nothing, 0)
	b.watch.See(b.config.Place.Room, oracle.Event{
		Bot: b.config.User, At: time.Since(b.config.Began), Kind: oracle.Lost, Own: own, Text: why,
	})
	if b.state == Seated || b.state == Watching {
		b.move(Away)
		b.waits = !own
	}
}

// consider follows what was seen and decides what to do about it.
func (b *bot) consider(e oracle.Event) {
	if e.Epoch == 0 {
		return
	}
	switch {
	case e.Kind == oracle.Present && e.User == b.config.User:
		b.seat = e.Seat
		if e.Seat >= 0 {
			b.move(Seated)
		} else {
			b.move(Watching)
		}
	case e.Kind == oracle.Stood && e.User == b.config.User:
		b.move(Out)
		b.plan(sit, b.mind.rest())
		return
	case e.Kind == oracle.Ended && e.Reason == oracle.Disbanded:
		b.move(Out)
		b.plan(sit, b.mind.between(0, time.Second))
		return
	case e.Kind == oracle.Ended && (b.state == Seated || b.state == Watching):
		b.move(Away) // the end of the connection follows
		b.waits = true
		return
	}
	if b.state == Seated || b.state == Watching {
		if next, after := b.mind.consider(e, b.seat >= 0); next != nothing {
			b.plan(next, after)
		}
	}
}

// do does what was planned for now.
func (b *bot) do() {
	next := b.next
	b.next = nothing
	if !b.online || b.mind.stopping {
		return
	}
	switch next {
	case sit:
		if b.sat != nil || b.state == Seated || b.state == Watching {
			return
		}
		answer := make(chan error, 1)
		b.sat = answer
		c, place := b.client, b.config.Place
		go func() { // awaited through b.sat, by play or by drain
			ctx, cancel := context.WithTimeout(context.Background(), sitTimeout)
			defer cancel()
			_, err := c.Sit(ctx, place)
			answer <- err
		}()
	case roll:
		b.client.Send(wire.Command_DICE_SHAKE, &wire.Int32{}) //nolint:errcheck // a break follows
		if b.mind.leavesNow() {
			b.plan(stand, b.mind.between(0, 50*time.Millisecond))
		}
	case stand:
		b.client.Send(wire.Command_STAND_UP, &wire.Empty{}) //nolint:errcheck // a break follows
	}
}

// seated takes the answer to a wish for a seat. What was granted came as an event already.
func (b *bot) seated(err error) {
	var refused *client.RefusedError
	if errors.As(err, &refused) || err != nil && b.online {
		b.plan(sit, b.mind.between(200*time.Millisecond, 2*time.Second))
	}
}

func (b *bot) plan(next act, after time.Duration) {
	b.next = next
	if next == nothing {
		b.act.Stop()
		return
	}
	b.act.Reset(after)
}

// cut breaks the connection, where there is one.
func (b *bot) cut() {
	if b.online && !b.cutting && b.line.cut(b.mind.chance(0.5)) {
		b.cutting = true
	}
}

func (b *bot) armFlap() {
	if every := b.mind.untilBreak(); every > 0 {
		b.flap.Reset(every)
	}
}

func (b *bot) move(to State) {
	if b.state != to {
		b.watch.Move(b.state, to)
		b.state = to
	}
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
