package oracle

import (
	"sync"
	"time"
)

// Config adjusts an oracle. Zero values have the defaults named.
type Config struct {
	// Patience is how long a player who wants to come back may be kept from the table. Default 30 s.
	Patience time.Duration
	// Keep is how many violations of one rule are kept with their proofs; all are counted. Default 5.
	Keep int
}

const shards = 64

// Oracle judges what the bots of many rooms see. Its methods may be called from any goroutine; the
// events of one bot must come in order.
type Oracle struct {
	config Config
	shards [shards]shard
}

// shard is a part of the rooms, so that bots in different rooms seldom wait for each other.
type shard struct {
	mu    sync.Mutex
	rooms map[int64]*room
	book  book
}

// book is what is written down.
type book struct {
	config     Config
	tallies    [rules]Tally
	violations []Violation
	counts     Counts
	absences   absences
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
}

func (c *Counts) add(o Counts) {
	for _, pair := range [...][2]*uint64{
		{&c.Events, &o.Events}, {&c.Rounds, &o.Rounds}, {&c.Settlements, &o.Settlements}, {&c.Rolls, &o.Rolls},
		{&c.Broken, &o.Broken}, {&c.Lost, &o.Lost}, {&c.Returns, &o.Returns},
		{&c.Reopened, &o.Reopened}, {&c.Closed, &o.Closed}, {&c.Moved, &o.Moved}, {&c.Vanished, &o.Vanished},
	} {
		*pair[0] += *pair[1]
	}
}

// New returns an oracle that has seen nothing.
func New(c Config) *Oracle {
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
	if c.Keep == 0 {
		c.Keep = 5
	}
	o := &Oracle{config: c}
	for i := range o.shards {
		o.shards[i].rooms = make(map[int64]*room)
		o.shards[i].book.config = c
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
		r = &room{number: number, book: &s.book, members: make(map[int64]*member)}
		s.rooms[number] = r
	}
	r.see(e)
}

// Away counts the bots that were at a table, lost their connection, and are not back.
func (o *Oracle) Away() int {
	n := 0
	o.each(func(s *shard) {
		for _, r := range s.rooms {
			for _, m := range r.members {
				if m.away {
					n++
				}
			}
		}
	})
	return n
}

// Finish judges what is still open at the end of the run. Nothing is seen after it.
func (o *Oracle) Finish(at time.Duration) {
	o.each(func(s *shard) {
		for _, r := range s.rooms {
			r.finish(at)
		}
	})
}

// Findings are everything the oracle found, so far.
type Findings struct {
	Counts     Counts
	Tallies    map[Rule]Tally
	Violations []Violation // at most Config.Keep of a rule and shard of rooms
	Absences   Absences
}

// Violated is how many violations there were.
func (f Findings) Violated() uint64 {
	var n uint64
	for _, t := range f.Tallies {
		n += t.Violated
	}
	return n
}

// Checked is how many checks were made.
func (f Findings) Checked() uint64 {
	var n uint64
	for _, t := range f.Tallies {
		n += t.Checked
	}
	return n
}

// Findings returns what was found until now.
func (o *Oracle) Findings() Findings {
	f := Findings{Tallies: make(map[Rule]Tally, rules)}
	var gone absences
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
		gone.merge(&s.book.absences)
	})
	f.Absences = gone.summary()
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
