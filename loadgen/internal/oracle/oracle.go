package oracle

import (
	"sync"
	"time"
)

// Config adjusts an oracle. Zero values have the defaults named.
type Config struct {
	// Patience is how long a player who wants to come back may be kept from the table. Default 30 s.
	Patience time.Duration
	// Late is how much later than announced a round may start or be settled. Default 750 ms;
	// negative: that is not checked.
	Late time.Duration
	// Keep is how many violations of one rule are kept with their proofs; all are counted. Default 5.
	Keep int
}

const shards = 64

// Oracle judges what the bots of many rooms see. Its methods may be called from any goroutine; the
// events of one bot must come in order.
type Oracle struct {
	config Config
	slips  slips
	shards [shards]shard
}

// shard is a part of the rooms, so that bots in different rooms seldom wait for each other.
type shard struct {
	mu    sync.Mutex
	rooms map[int64]*room
	sweep int   // at how many rooms those are dropped that nobody is in
	now   Event // that is being judged: rooms keep no pointer to it, and no Event needs memory of its own
	book  book
}

// book is what is written down.
type book struct {
	config     Config
	slips      *slips
	suspects   []suspect
	tallies    [rules]Tally
	violations []Violation
	counts     Counts
	away       int // members who want to come back
}

// Counts is how much was seen.
type Counts struct {
	Events      uint64 `json:"events"`      // that rooms told bots
	Rounds      uint64 `json:"rounds"`      // seen to start
	Settlements uint64 `json:"settlements"` // seen
	Rolls       uint64 `json:"rolls"`       // acknowledged to bots
	Broken      uint64 `json:"broken"`      // connections, by bots
	Lost        uint64 `json:"lost"`        // connections, by others than the bot
	Returns     uint64 `json:"returns"`     // to the table, after either
	Reopened    uint64 `json:"reopened"`    // rooms that began anew after everyone had left
	Closed      uint64 `json:"closed"`      // rooms that the server closed in an orderly way
	Moved       uint64 `json:"moved"`       // players who came back to another seat after that
	Vanished    uint64 `json:"vanished"`    // rooms that were lost under their players
	Migrated    uint64 `json:"migrated"`    // changes of a room's owner under its players, after which it went on
	Recovered   uint64 `json:"recovered"`   // of these, those after which the players were shown the room anew
	LostRounds  uint64 `json:"lost_rounds"` // rounds that started under their players and were never settled
}

func (c *Counts) add(o Counts) {
	for _, pair := range [...][2]*uint64{
		{&c.Events, &o.Events}, {&c.Rounds, &o.Rounds}, {&c.Settlements, &o.Settlements}, {&c.Rolls, &o.Rolls},
		{&c.Broken, &o.Broken}, {&c.Lost, &o.Lost}, {&c.Returns, &o.Returns},
		{&c.Reopened, &o.Reopened}, {&c.Closed, &o.Closed}, {&c.Moved, &o.Moved}, {&c.Vanished, &o.Vanished},
		{&c.Migrated, &o.Migrated}, {&c.Recovered, &o.Recovered}, {&c.LostRounds, &o.LostRounds},
	} {
		*pair[0] += *pair[1]
	}
}

// New returns an oracle that has seen nothing.
func New(c Config) *Oracle {
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
	if c.Late == 0 {
		c.Late = 750 * time.Millisecond
	}
	if c.Keep == 0 {
		c.Keep = 5
	}
	o := &Oracle{config: c}
	for i := range o.shards {
		o.shards[i].rooms = make(map[int64]*room)
		o.shards[i].sweep = leastSweep
		o.shards[i].book.config, o.shards[i].book.slips = c, &o.slips
	}
	return o
}

// See takes one event of a bot that plays in a room.
func (o *Oracle) See(number int64, e Event) {
	s := &o.shards[uint64(number)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[number]
	if r == nil {
		s.dropIdle()
		r = &room{number: number, book: &s.book}
		s.rooms[number] = r
	}
	s.now = e
	r.see(&s.now)
	s.now.Dice, s.now.Winners = nil, nil // they are the bot's
	if len(s.book.suspects) > 0 {
		s.book.resolve(e.At)
	}
}

// leastSweep is the least number of rooms of a shard at which it looks for idle ones.
const leastSweep = 256

// dropIdle forgets the rooms that nobody is in or wants to come back to, once there are many.
func (s *shard) dropIdle() {
	if len(s.rooms) < s.sweep {
		return
	}
	for number, r := range s.rooms {
		if r.idle() {
			r.finish(0)
			delete(s.rooms, number)
		}
	}
	s.sweep = max(leastSweep, 2*len(s.rooms))
}

// Behind notes that the generator itself was behind by as much, at some time in the second before
// at. What it saw too late then is no proof that a server was late.
func (o *Oracle) Behind(at, by time.Duration) {
	if by > o.config.Late/4 {
		o.slips.add(at-by-time.Second, at)
	}
}

// Away counts the bots that were at a table, lost their connection, and are not back.
func (o *Oracle) Away() int {
	n := 0
	o.each(func(s *shard) { n += s.book.away })
	return n
}

// Finish judges what is still open at the end of the run. Nothing is seen after it.
func (o *Oracle) Finish(at time.Duration) {
	o.each(func(s *shard) {
		for _, r := range s.rooms {
			r.finish(at)
		}
		s.book.resolve(forever)
	})
}

// Findings are everything the oracle found, so far.
type Findings struct {
	Counts     Counts
	Tallies    map[Rule]Tally
	Violations []Violation // at most Config.Keep of a rule and shard of rooms
}

// Violated is how many violations there were.
func (f Findings) Violated() uint64 {
	var n uint64
	for _, t := range f.Tallies {
		n += t.Violated
	}
	return n
}

// Findings returns what was found until now.
func (o *Oracle) Findings() Findings {
	f := Findings{Tallies: make(map[Rule]Tally, rules)}
	kept := make(map[Rule]int)
	o.each(func(s *shard) {
		f.Counts.add(s.book.counts)
		for rule, t := range s.book.tallies {
			sum := f.Tallies[Rule(rule)]
			sum.Checked += t.Checked
			sum.Violated += t.Violated
			sum.Unknown += t.Unknown
			f.Tallies[Rule(rule)] = sum
		}
		for _, v := range s.book.violations {
			if kept[v.Rule]++; kept[v.Rule] <= o.config.Keep {
				f.Violations = append(f.Violations, v)
			}
		}
	})
	return f
}

func (o *Oracle) each(f func(*shard)) {
	for i := range o.shards {
		s := &o.shards[i]
		s.mu.Lock()
		f(s)
		s.mu.Unlock()
	}
}
