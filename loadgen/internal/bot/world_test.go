package bot

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/loadgen/internal/clock"
	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/loadgen/scenario"
	"croupier/servers/wire"
)

// world is the World of one bot, in a bubble of time that stands still but for pass.
type world struct {
	t      testing.TB
	bot    *Bot
	began  time.Time
	alarms map[*clock.Alarm]time.Duration

	opened  []time.Duration // attempts to connect
	turns   []int
	epoch   uint64       // of what is told next
	way     int64        // the room that the first message on a new way names; 0: it is none
	handler link.Handler // of the attempt under way; nil: none
	link    *fakeLink    // the last one
	seq     uint64

	state    State
	moves    []State
	seen     []oracle.Event
	rooms    []int64
	took     []taken
	troubles []error
	lost     []bool // own
	backs    []time.Duration
	sent     int
	broken   string // a promise that the bot broke
}

type taken struct {
	phase  measure.Phase
	server measure.Version
	d      time.Duration
}

// fakeLink keeps what a bot does with its connection.
type fakeLink struct {
	world  *world
	sent   []wire.Command
	last   []byte
	heard  time.Time
	pings  int
	cut    bool
	closed bool
	over   bool
	fails  bool // writing does
}

func (l *fakeLink) Send(message []byte) error {
	op, payload, err := wire.Split(message)
	if err != nil {
		l.world.broken = err.Error()
	}
	if l.world.state == Gone {
		l.world.broken = "sends when it is gone"
	}
	if l.cut || l.over {
		return errors.New("the link is over")
	}
	if l.fails {
		return errors.New("not taken")
	}
	l.sent, l.last = append(l.sent, op), slices.Clone(payload)
	return nil
}

func (l *fakeLink) Ping() error      { l.pings++; return nil }
func (l *fakeLink) Heard() time.Time { return l.heard }
func (l *fakeLink) Cut(bool)         { l.cut = true }
func (l *fakeLink) Close()           { l.closed = true }

func (w *world) Now() time.Duration { return time.Since(w.began) }

func (w *world) SetAlarm(a *clock.Alarm, at time.Duration) { w.alarms[a] = at }
func (w *world) StopAlarm(a *clock.Alarm)                  { delete(w.alarms, a) }

func (w *world) Open(_ int64, turn int, h link.Handler) {
	if w.handler != nil || w.link != nil && !w.link.over {
		w.broken = "connects twice"
	}
	if w.state == Gone {
		w.broken = "connects when it is gone"
	}
	w.opened, w.turns, w.handler = append(w.opened, w.Now()), append(w.turns, turn), h
}

func (w *world) Room(chance float64) int64                    { return 50 + int64(chance*10) }
func (w *world) Settled(int64, uint64, uint64, time.Duration) {}
func (w *world) Server(string) measure.Version                { return 3 }
func (w *world) Sent()                                        { w.sent++ }
func (w *world) Connected()                                   {}
func (w *world) Lost(_ *Bot, own bool)                        { w.lost = append(w.lost, own) }
func (w *world) Back(_ *Bot, after time.Duration)             { w.backs = append(w.backs, after) }
func (w *world) Trouble(err error)                            { w.troubles = append(w.troubles, err) }

func (w *world) See(room int64, e oracle.Event) {
	if w.state == Gone && len(w.moves) > 0 && e.Kind != oracle.Quit {
		w.broken = "sees something when it is gone: " + e.String()
	}
	w.rooms, w.seen = append(w.rooms, room), append(w.seen, e)
}

func (w *world) Took(p measure.Phase, server measure.Version, d time.Duration) {
	w.took = append(w.took, taken{p, server, d})
}

func (w *world) Moved(from, to State) {
	if from != w.state || from == to {
		w.broken = "moves from " + from.String() + " to " + to.String() + " but is " + w.state.String()
	}
	w.state, w.moves = to, append(w.moves, to)
}

// pass lets time pass, and the bot act meanwhile.
func (w *world) pass(d time.Duration) {
	end := w.Now() + d
	for {
		next, at := (*clock.Alarm)(nil), end
		for a, t := range w.alarms {
			if t <= at {
				next, at = a, t
			}
		}
		time.Sleep(max(at-w.Now(), 0))
		if next == nil {
			return
		}
		delete(w.alarms, next)
		next.Act()
	}
}

// up lets the attempt under way succeed.
func (w *world) up() *fakeLink {
	w.t.Helper()
	if w.handler == nil {
		w.t.Fatal("no attempt to connect is under way")
	}
	w.link = &fakeLink{world: w, heard: time.Now()}
	w.handler = nil
	w.bot.Up(w.link, time.Now())
	return w.link
}

// down ends the link, or the attempt under way.
func (w *world) down(err error) {
	w.t.Helper()
	switch {
	case w.handler != nil:
		w.handler = nil
	case w.link != nil && !w.link.over:
		w.link.over = true
	default:
		w.t.Fatal("there is no connection to lose")
	}
	w.bot.Down(err)
}

// tell tells the bot an event.
func (w *world) tell(op wire.Command, body wire.WithMeta) { w.answer(op, body, 0) }

// answer tells the bot an event that answers a request.
func (w *world) answer(op wire.Command, body wire.WithMeta, request uint64) {
	w.seq++
	w.link.heard = time.Now()
	w.bot.Told(op, wire.AppendMetaOf(wire.MustMarshal(body), "v9", w.way, 7+w.epoch, w.seq, request), time.Now())
}

// request is the number of what the bot asked for last.
func (w *world) request() uint64 { return wire.RequestID(w.link.last) }

// say tells the bot what comes from no room.
func (w *world) say(op wire.Command, body wire.WithMeta) {
	w.link.heard = time.Now()
	w.bot.Told(op, wire.MustMarshal(body), time.Now())
}

func (w *world) seat(seat int32) {
	w.tell(wire.Command_SIT_DOWN, &wire.User{Id: w.bot.config.User, Seat: seat, Online: true})
}

// place is what the bot asked for last.
func (w *world) place() wire.Place {
	w.t.Helper()
	var m wire.SitDown
	if n := len(w.link.sent); n == 0 || w.link.sent[n-1] != wire.Command_SIT_DOWN {
		w.t.Fatalf("the bot did not ask for a seat last: %v", w.link.sent)
	} else if err := proto.Unmarshal(w.link.last, &m); err != nil {
		w.t.Fatal(err)
	}
	place, err := wire.ParsePlace(m.GetPlace())
	if err != nil {
		w.t.Fatal(err)
	}
	return place
}

// last is what the bot said last.
func (w *world) last() wire.Command {
	if w.link == nil || len(w.link.sent) == 0 {
		return wire.Command_NONE
	}
	return w.link.sent[len(w.link.sent)-1]
}

// times are what was measured of a phase.
func (w *world) times(p measure.Phase) (all []time.Duration) {
	for _, one := range w.took {
		if one.phase == p {
			all = append(all, one.d)
		}
	}
	return all
}

// saw is how many events of a kind the oracle was shown.
func (w *world) saw(kind oracle.Kind) (all []oracle.Event) {
	for _, e := range w.seen {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

func (w *world) is(state State) {
	w.t.Helper()
	if w.bot.State() != state || w.state != state {
		w.t.Fatalf("at %v the bot is %v, and has told that it is %v; it should be %v", w.Now(), w.bot.State(), w.state, state)
	}
}

// player is a style without chance: it thinks for no time and stays.
func player() Style { return Style{Reconnect: scenario.Fixed, Backoff: time.Second} }

// inWorld runs f with a bot that has not started.
func inWorld(t *testing.T, style Style, f func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, style)
		time.Sleep(time.Minute) // the run has begun some time ago
		f(w)
		if w.broken != "" {
			t.Error("the bot " + w.broken)
		}
	})
}

func newWorld(t testing.TB, style Style) *world {
	w := &world{t: t, began: time.Now(), alarms: make(map[*clock.Alarm]time.Duration)}
	w.bot = New(Config{User: 42, Room: 9, Game: "dice", Style: &style, Seed: 1, Patience: 10 * time.Second}, w)
	return w
}

// seated brings a bot to seat 2.
func (w *world) seated() {
	w.t.Helper()
	w.bot.Start(w.Now())
	w.up()
	w.seat(2)
	w.is(Seated)
}

// until lets time pass until the bot says something, on a connection that is not silent.
func (w *world) until(op wire.Command) {
	w.t.Helper()
	for end := w.Now() + 10*time.Minute; w.last() != op; {
		if w.Now() > end {
			w.t.Fatalf("the bot never says %v", op)
		}
		w.link.heard = time.Now()
		w.pass(10 * time.Millisecond)
	}
}
