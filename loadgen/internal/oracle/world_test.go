package oracle

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world is a correct room of dice, of which bots hear at their own pace. Its rules are those of the
// published format; a test tampers with what it says.
type world struct {
	oracle *Oracle
	see    func(room int64, e Event) // the oracle's, or one that records
	room   int64
	now    time.Duration
	random *rand.Rand // nil: everything is heard at once
	pace   int        // how much of what is said the bots hear before more is said

	calm    bool // no connection breaks at random
	moves   bool // the room changes its owner at random, and players their seats
	fences  bool // each room that opens has an owner of its own
	open    bool
	epoch   uint64
	seq     uint64
	round   uint64
	running bool
	turned  time.Duration // when the round began, or was settled
	length  time.Duration // of a round
	idle    time.Duration // between two
	dice    map[int64]int32
	guests  []*guest

	heard   map[int64][]Event // on its way to a bot
	linked  map[int64]bool    // the bot's side of the connection
	way     map[int64]bool    // what is said next is the first on a new way
	asked   map[int64]uint64  // requests of a bot so far
	deaf    bool              // nobody hears what is said
	written int               // events said so far, for tamper
	tamper  func(bot int64, e Event) []Event
}

// guest is someone in the room.
type guest struct {
	user    int64
	seat    int32
	session bool // the room's side of the connection
}

func newWorld() *world {
	w := &world{oracle: New(Config{}), room: 7, epoch: 1, heard: map[int64][]Event{}, linked: map[int64]bool{}, way: map[int64]bool{}, asked: map[int64]uint64{}, pace: 4, length: 20 * time.Second, idle: 10 * time.Second}
	w.see = w.oracle.See
	return w
}

// say sends one thing to one bot.
func (w *world) say(to int64, e Event) {
	if !w.linked[to] || w.deaf {
		return
	}
	e.Bot, e.Epoch = to, w.epoch
	e.Way, w.way[to] = w.way[to], false
	if e.Seq == 0 {
		e.Seq = w.seq
	}
	w.written++
	said := []Event{e}
	if w.tamper != nil {
		said = w.tamper(to, e)
	}
	w.heard[to] = append(w.heard[to], said...)
	w.deliver()
}

// announce tells everyone an event.
func (w *world) announce(view func(to int64) Event) {
	w.seq++
	for _, g := range w.guests {
		if g.session {
			w.say(g.user, view(g.user))
		}
	}
}

// deliver hands in what the bots have heard: all of it, or some.
func (w *world) deliver() {
	for {
		var waiting []int64
		for _, bot := range slices.Sorted(maps.Keys(w.heard)) {
			if len(w.heard[bot]) > 0 {
				waiting = append(waiting, bot)
			}
		}
		if len(waiting) == 0 {
			return
		}
		bot := waiting[0]
		if w.random != nil {
			if w.random.IntN(w.pace) == 0 {
				return
			}
			bot = waiting[w.random.IntN(len(waiting))]
		}
		e := w.heard[bot][0]
		w.heard[bot] = w.heard[bot][1:]
		w.now += time.Millisecond
		e.At = w.now
		w.see(w.room, e)
	}
}

func (w *world) guest(user int64) *guest {
	for _, g := range w.guests {
		if g.user == user {
			return g
		}
	}
	return nil
}

func (w *world) begin() {
	w.round++
	w.running, w.turned, w.dice = true, w.now, map[int64]int32{}
	w.announce(func(int64) Event { return Event{Kind: Started, Round: w.round, Length: w.length} })
}

// sit connects a bot and sits it down.
func (w *world) sit(bot int64) {
	if !w.open {
		w.open, w.seq, w.round = true, 0, 0
		if w.fences {
			w.epoch++
		}
		w.begin()
	}
	w.linked[bot], w.way[bot] = true, true
	g := w.guest(bot)
	fresh := g == nil
	if fresh {
		g = &guest{user: bot, seat: w.freeSeat(), session: true}
	}
	introduce := func() {
		for _, other := range w.guests {
			if other.user != bot {
				w.say(bot, Event{Kind: Present, User: other.user, Seat: other.seat, Online: other.session})
			}
		}
	}
	introduce()
	own := Event{Kind: Present, User: bot, Seat: g.seat, Online: true}
	answer := own
	answer.Request = w.request(bot)
	switch {
	case fresh:
		w.guests = append(w.guests, g)
		w.announce(func(to int64) Event {
			if to == bot {
				return answer
			}
			return own
		})
	case !g.session:
		g.session = true
		w.announce(func(to int64) Event {
			if to == bot {
				return answer
			}
			return Event{Kind: Online, User: bot, Online: true}
		})
	default:
		w.say(bot, answer)
	}
	w.say(bot, w.scene(bot))
}

func (w *world) scene(viewer int64) Event {
	dice := w.listed()
	for i := range dice {
		if w.running && dice[i].User != viewer {
			dice[i].Points = 0
		}
	}
	left := w.length
	if !w.running {
		left = w.idle
	}
	return Event{Kind: Scene, Round: w.round, InRound: w.running, Dice: dice, Length: max(0, w.turned+left-w.now)}
}

func (w *world) listed() []Die { return sorted(w.dice) }

func (w *world) freeSeat() int32 {
	for seat := int32(0); ; seat++ { // which the bench never takes
		if !slices.ContainsFunc(w.guests, func(g *guest) bool { return g.seat == seat }) {
			return seat
		}
	}
}

func (w *world) roll(bot int64, points int32) {
	g := w.guest(bot)
	if _, twice := w.dice[bot]; g == nil || !g.session || !w.running || twice {
		return
	}
	w.dice[bot] = points
	request := w.request(bot)
	w.announce(func(to int64) Event {
		e := Event{Kind: Shaken, User: bot, Round: w.round}
		if to == bot {
			e.Points, e.Request = points, request
		}
		return e
	})
	w.settleIfComplete()
}

func (w *world) settleIfComplete() {
	if !w.running || len(w.dice) < 2 {
		return
	}
	for _, g := range w.guests {
		if _, rolled := w.dice[g.user]; !rolled {
			return
		}
	}
	w.settle()
}

func (w *world) settle() {
	if !w.running {
		return
	}
	w.running, w.turned = false, w.now
	var winners []int64
	var best int32
	for _, d := range w.listed() {
		if d.Points > best {
			best, winners = d.Points, nil
		}
		if d.Points == best {
			winners = append(winners, d.User)
		}
	}
	w.announce(func(int64) Event {
		return Event{Kind: Settled, Round: w.round, Dice: w.listed(), Winners: winners, Length: w.idle}
	})
	for _, g := range slices.Clone(w.guests) {
		if !g.session {
			w.remove(g)
		}
	}
	if len(w.guests) == 0 {
		w.open = false
	}
}

func (w *world) remove(g *guest) {
	w.announce(func(int64) Event { return Event{Kind: Stood, User: g.user} })
	w.guests = slices.DeleteFunc(w.guests, func(other *guest) bool { return other == g })
	w.settleIfComplete()
}

func (w *world) mayLeave(g *guest) bool {
	_, rolled := w.dice[g.user]
	return !w.running || !rolled
}

// stand is a bot that leaves.
func (w *world) stand(bot int64) {
	g := w.guest(bot)
	if g == nil || !g.session {
		return
	}
	if w.mayLeave(g) {
		w.remove(g)
	} else {
		w.say(bot, Event{Kind: Stood, User: bot})
		w.notice(bot)
	}
	w.linked[bot] = false
}

// cut is a connection that breaks; the room does not know yet. What the bot had not read by then is
// lost.
func (w *world) cut(bot int64, own bool) {
	if !w.linked[bot] {
		return
	}
	w.linked[bot] = false
	if queue := w.heard[bot]; w.random != nil && len(queue) > 0 {
		w.heard[bot] = queue[:w.random.IntN(len(queue)+1)]
	}
	w.heard[bot] = append(w.heard[bot], Event{Kind: Lost, Bot: bot, Own: own})
	w.deliver()
}

// notice is the room's side of a lost connection.
func (w *world) notice(bot int64) {
	g := w.guest(bot)
	if g == nil || !g.session {
		return
	}
	g.session = false
	if w.mayLeave(g) {
		w.remove(g)
		return
	}
	w.announce(func(int64) Event { return Event{Kind: Online, User: bot} })
}

// request numbers what a bot asks for.
func (w *world) request(bot int64) uint64 {
	w.asked[bot]++
	return w.asked[bot]
}

// change is a bot that asks for another seat, or for the bench.
func (w *world) change(bot int64, seat int32) {
	g := w.guest(bot)
	if g == nil || !g.session || !w.mayLeave(g) || g.seat == seat {
		return
	}
	if seat >= 0 && slices.ContainsFunc(w.guests, func(other *guest) bool { return other.seat == seat }) {
		return
	}
	request := w.request(bot)
	if w.linked[bot] {
		w.heard[bot] = append(w.heard[bot], Event{Kind: Asks, Bot: bot, Request: request})
	}
	g.seat = seat
	w.announce(func(to int64) Event {
		e := Event{Kind: Present, User: bot, Seat: seat, Online: true}
		if to == bot {
			e.Request = request
		}
		return e
	})
}

// handOver gives the room to another owner; nobody misses anything.
func (w *world) handOver() {
	w.epoch++
	for bot := range w.linked {
		w.way[bot] = true
	}
}

// takeOver is an owner that dies, and another one that takes the room. What bots had not heard by then they
// never hear; those who are still connected are shown the room anew.
func (w *world) takeOver() {
	w.handOver()
	for _, g := range w.guests {
		if !w.linked[g.user] || !g.session {
			continue
		}
		var unheard []Event
		if queue := w.heard[g.user]; w.random != nil && len(queue) > 0 {
			from := w.random.IntN(len(queue) + 1)
			for _, e := range queue[from:] {
				if e.Request != 0 && e.Kind != Asks {
					unheard = append(unheard, e)
				}
			}
			w.heard[g.user] = append(queue[:from], slices.DeleteFunc(queue[from:], func(e Event) bool { return e.Kind != Asks })...)
		}
		w.showAgain(g)
		for _, e := range unheard { // the gate asks again, and the room answers as it did
			e.Seq, e.Way = 0, false
			w.say(g.user, e)
		}
	}
}

// showAgain shows the room to somebody who is in it.
func (w *world) showAgain(g *guest) {
	if w.random != nil && w.random.IntN(4) == 0 { // it stands still as yet
		w.way[g.user] = false
		w.heard[g.user] = append(w.heard[g.user], Event{Kind: Waiting, Bot: g.user, Way: true, Text: "wait"})
	}
	for _, other := range w.guests {
		if other != g {
			w.say(g.user, Event{Kind: Present, User: other.user, Seat: other.seat, Online: other.session})
		}
	}
	w.say(g.user, Event{Kind: Present, User: g.user, Seat: g.seat, Online: true})
	w.say(g.user, w.scene(g.user))
}

// crash is a server that dies: every connection breaks, and nothing is left of the room.
func (w *world) crash() {
	for _, bot := range slices.Sorted(maps.Keys(w.linked)) {
		w.cut(bot, false)
	}
	w.guests, w.open = nil, false
}

// closeRoom is a server that closes the room in an orderly way.
func (w *world) closeRoom(reason Reason) {
	for _, g := range w.guests {
		if g.session {
			w.say(g.user, Event{Kind: Ended, Reason: reason})
		}
	}
	for _, bot := range slices.Sorted(maps.Keys(w.linked)) {
		w.cut(bot, false)
	}
	w.guests, w.open = nil, false
}

// finish hands in the rest and returns what was found.
func (w *world) finish() Findings {
	w.random = nil
	w.deliver()
	w.oracle.Finish(w.now)
	return w.oracle.Findings()
}

// report fails a test with everything that was found.
func report(t *testing.T, f Findings) {
	t.Helper()
	for _, v := range f.Violations {
		t.Logf("%v", v)
		for _, e := range v.Lines() {
			t.Logf("    %v", e)
		}
	}
}
