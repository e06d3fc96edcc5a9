// Package bot plays dice like a person: it sits down, thinks, rolls, leaves now and then and comes
// back, and loses its connection in the midst of it. It tells its World everything that it sees.
//
// mind.go decides, from a seed; connection.go is how a bot connects and what it does without a
// connection; table.go is what it does at the table; clock.go is its times. A bot has a lock, one alarm,
// and no goroutine: it moves when the alarm goes off and when its link tells something.
package bot

import (
	"sync"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
)

// Config is who plays, where and how.
type Config struct {
	User     int64
	Room     int64
	Game     string
	Style    *Style
	Watches  bool          // it goes to the bench, if it gets a seat
	Seed     uint64        // with the user's number, decides everything that is left to chance
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

// Bot is one player.
type Bot struct {
	// Wave belongs to the World: which wave of losses the bot was hit by.
	Wave uint32

	world  World
	config Config

	mu   sync.Mutex
	mind mind

	// The connection.
	link    link.Link     // nil: none
	turn    int           // of the attempts so far: each goes to the next address
	dialing bool          // an attempt is under way
	meant   time.Duration // when the attempt was to begin
	since   time.Duration // when the connection stood
	failed  int           // attempts in a row
	why     error         // the server said why it ends the connection, or the bot gives it up; nil: neither
	closing bool          // the bot itself said goodbye
	cutting bool          // the bot itself broke the connection, and has not heard of it yet

	// The table.
	state   State
	room    int64
	seat    int32 // -1: none yet, or a spectator's place
	server  measure.Version
	epoch   uint64
	lost    time.Duration // when the connection was lost, in state Away
	broke   time.Duration // when it noticed first that something was wrong, in state Away
	seats   int32         // of the table, as the scene says; 0: not known
	arrived time.Duration // when it sat down last
	step    time.Duration // when the round is to be settled, or the next to start, as the server said; 0: not known
	waits   bool          // Away, and not by its own doing: whether the table is still there must be found out

	// What is under way.
	asked    request
	askedAt  time.Duration // when it was meant to be asked
	requests uint64        // made so far: the number of the last one
	number   uint64        // of what was asked
	pinged   uint64        // number of the ping that was not answered yet; 0: there is none
	pingedAt time.Duration
	anew     time.Duration // when it was last shown the room anew; 0: never
	moved    time.Duration // when it last heard of another owner of its room; 0: never

	next act // at its time

	stopping bool // it is on its way out
	killed   bool

	times
}

// request is what a bot waits for the answer to.
type request uint8

const (
	none request = iota
	aSeat
	aRoll
	toLeave
	toMove
)

// act is something a bot has decided to do at a time.
type act uint8

const (
	nothing act = iota
	sit
	roll
	stand
	change // of the seat
)

// New makes a bot that has not started.
func New(c Config, w World) *Bot {
	b := &Bot{world: w, config: c, mind: newMind(c), room: c.Room, seat: -1}
	b.alarm.Act = b.wake
	return b
}

// State is where the bot is now.
func (b *Bot) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// Start lets the bot come, at a time since the begin of the run; the time is now, or has just passed.
func (b *Bot) Start(at time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.move(Connecting)
	b.connect(at)
	b.set(flap, b.mind.untilBreak())
	if stay := b.mind.stay(); stay > 0 {
		b.set(leave, stay)
	}
}

// Stop makes the bot get up from its table and go. One that lost the table not by its own doing
// first finds out what became of it, for as long as its patience lasts.
func (b *Bot) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stop()
}

func (b *Bot) stop() {
	if b.stopping || b.state == Gone {
		return
	}
	b.stopping, b.mind.stopping = true, true
	b.clear(flap)
	b.set(leave, b.config.Patience)
	b.depart()
}

// Kill ends the bot as it stands. Its link, if it has one, must be ended by its context.
func (b *Bot) Kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.killed = true
	if b.link == nil && !b.dialing {
		b.move(Gone)
	}
}

// Break breaks the bot's connection, where it has one.
func (b *Bot) Break() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut()
}

func (b *Bot) cut() {
	if b.link != nil && !b.cutting && !b.stopping {
		b.cutting = true
		b.link.Cut(b.mind.chance(0.5))
	}
}

// depart takes the next step on the way out.
func (b *Bot) depart() {
	switch {
	case b.dialing: // Up or Down goes on from here
	case b.link == nil && b.state == Away && b.waits: // so does the next attempt
	case b.link == nil:
		b.move(Gone)
	case b.state == Away && b.waits: // it asks for its seat, and then gets up
	case b.asked == toLeave:
	case b.state == Seated || b.state == Watching:
		b.getUp(b.world.Now())
	default:
		b.goodbye()
	}
}

func (b *Bot) move(to State) {
	from := b.state
	if from == to {
		return
	}
	b.state = to
	if to != Seated && to != Watching {
		b.step = 0
	}
	if to == Gone {
		b.silence()
		if !b.waits && !b.killed {
			b.see(oracle.Event{Kind: oracle.Quit, At: b.world.Now()})
		}
	}
	b.world.Moved(from, to)
}
