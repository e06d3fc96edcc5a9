// Package load holds a population of bots for a while: it lets them in, watches them, and sends
// them home.
package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"croupier/loadgen/internal/bot"
	"croupier/loadgen/internal/oracle"
	"croupier/servers/client"
)

// Config is who plays, and for how long.
type Config struct {
	Target    func(user int64) client.Target
	Game      string
	Bots      int
	Rooms     int // that they share, as evenly as can be
	FirstUser int64
	FirstRoom int64
	Ramp      time.Duration // over which the bots arrive, evenly
	For       time.Duration // from the first bot on; 0: until it is stopped
	Style     bot.Style
	Seed      uint64
	Patience  time.Duration // see oracle.Config and bot.Config
	Startup   time.Duration // how long nobody may have got a seat before the run is given up; default 10 s
}

// arrival is when a bot comes.
func (c Config) arrival(i int) time.Duration {
	return time.Duration(float64(c.Ramp) * float64(i) / float64(c.Bots))
}

// room is where a bot plays. Those who come one after the other share a room.
func (c Config) room(i int) int64 { return c.FirstRoom + int64(i)*int64(c.Rooms)/int64(c.Bots) }

// Moment is a run at one moment.
type Moment struct {
	At       time.Duration
	States   [bot.States]int64
	Findings oracle.Findings
}

// Result is what a run brought.
type Result struct {
	Took     time.Duration
	Came     int64 // bots that started
	Seated   int64 // of them, those that had a place at a table at some time
	Lag      time.Duration
	Slow     uint64 // times that a bot did not take its events as fast as they came
	Findings oracle.Findings
	Troubles []Trouble // the most frequent first

	Unusable  string // why the run was given up; empty: it was not
	Abandoned bool   // the run was broken off, and bots did not get up from their tables
}

// Trouble is something that went wrong, and how often.
type Trouble struct {
	Text  string `json:"text"`
	Count uint64 `json:"count"`
}

// Run plays until Config.For is over or stop is done, sends the bots home, and returns when all of
// them are. The end of ctx breaks the run off. progress is called once a second.
func Run(ctx, stop context.Context, c Config, progress func(Moment)) Result {
	if c.Startup == 0 {
		c.Startup = 10 * time.Second
	}
	began := time.Now()
	w := &watch{oracle: oracle.New(oracle.Config{Patience: c.Patience}), troubles: make(map[string]uint64)}
	w.states[bot.Gone].Store(int64(c.Bots))
	if c.For > 0 {
		var cancel context.CancelFunc
		stop, cancel = context.WithTimeout(stop, c.For)
		defer cancel()
	}
	stop, giveUp := context.WithCancelCause(stop)
	defer giveUp(nil)

	watched := make(chan time.Duration)
	done := make(chan struct{})
	go func() { watched <- w.report(c, began, done, giveUp, progress) }()
	w.populate(ctx, stop, c, began)
	close(done)

	result := Result{Lag: <-watched, Took: time.Since(began), Came: w.came.Load(), Seated: w.seated.Load(), Slow: w.slow.Load(), Abandoned: ctx.Err() != nil}
	w.oracle.Finish(result.Took)
	result.Findings = w.oracle.Findings()
	result.Troubles = w.listed()
	if why := (unusable{}); asUnusable(context.Cause(stop), &why) {
		result.Unusable = why.text
	}
	return result
}

// populate lets the bots in, each at its time, and returns when the last one has gone.
func (w *watch) populate(ctx, stop context.Context, c Config, began time.Time) {
	var bots sync.WaitGroup
	defer bots.Wait()
	clock := time.NewTimer(0)
	defer clock.Stop()
	for i := range c.Bots {
		clock.Reset(time.Until(began.Add(c.arrival(i))))
		select {
		case <-clock.C:
		case <-stop.Done():
			return
		case <-ctx.Done():
			return
		}
		user := c.FirstUser + int64(i)
		config := bot.Config{
			User:   user,
			Place:  client.Place{Game: c.Game, Room: c.room(i), Seat: client.AnySeat},
			Target: c.Target(user), Style: c.Style, Seed: c.Seed, Began: began, Patience: c.Patience,
		}
		bots.Go(func() { bot.Run(ctx, stop.Done(), config, w) })
	}
}

// report tells of the run once a second, and gives it up when it comes to nothing. It returns the
// longest delay of a tick.
func (w *watch) report(c Config, began time.Time, done <-chan struct{}, giveUp context.CancelCauseFunc, progress func(Moment)) (lag time.Duration) {
	next := began.Add(time.Second)
	clock := time.NewTimer(time.Until(next))
	defer clock.Stop()
	for {
		select {
		case <-done:
			return lag
		case now := <-clock.C:
			lag = max(lag, now.Sub(next))
		}
		at := time.Since(began)
		progress(w.snapshot(at))
		switch {
		case w.seated.Load() > 0:
		case w.unauthorized.Load() > 0:
			giveUp(unusable{"nobody may play: " + w.mostFrequent() + "; is JWT_KEY set, to the key of the servers?"})
		case at > c.Startup:
			giveUp(unusable{fmt.Sprintf("nobody got a seat in %v: %s", c.Startup, w.mostFrequent())})
		}
		next = next.Add(time.Second)
		clock.Reset(time.Until(next))
	}
}

// unusable is why a run is given up.
type unusable struct{ text string }

func (u unusable) Error() string { return u.text }

func asUnusable(err error, u *unusable) bool {
	typed, ok := err.(unusable)
	*u = typed
	return ok
}

// watch is the bot.Watcher of a run.
type watch struct {
	oracle *oracle.Oracle
	states [bot.States]atomic.Int64
	came   atomic.Int64
	seated atomic.Int64
	slow   atomic.Uint64

	unauthorized atomic.Uint64 // times that a bot's token, or its lack of one, was refused

	mu       sync.Mutex
	troubles map[string]uint64
}

func (w *watch) See(room int64, e oracle.Event) { w.oracle.See(room, e) }

func (w *watch) Move(from, to bot.State) {
	w.states[from].Add(-1)
	w.states[to].Add(1)
	if from == bot.Gone {
		w.came.Add(1)
	}
	if from == bot.Connecting && (to == bot.Seated || to == bot.Watching) {
		w.seated.Add(1)
	}
}

// maxTroubles bounds how many different troubles are told apart.
const maxTroubles = 200

func (w *watch) Trouble(err error) {
	text := describe(err)
	if slow(err) {
		w.slow.Add(1)
	}
	if errors.Is(err, client.ErrUnauthorized) {
		w.unauthorized.Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.troubles[text]; !known && len(w.troubles) >= maxTroubles {
		text = "something else"
	}
	w.troubles[text]++
}

func (w *watch) snapshot(at time.Duration) Moment {
	s := Moment{At: at, Findings: w.oracle.Findings()}
	for i := range s.States {
		s.States[i] = w.states[i].Load()
	}
	return s
}

func (w *watch) listed() []Trouble {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]Trouble, 0, len(w.troubles))
	for _, text := range slices.Sorted(maps.Keys(w.troubles)) {
		list = append(list, Trouble{text, w.troubles[text]})
	}
	slices.SortStableFunc(list, func(a, b Trouble) int { return int(b.Count) - int(a.Count) })
	return list
}

func (w *watch) mostFrequent() string {
	list := w.listed()
	if len(list) == 0 {
		return "the target takes connections and answers nothing"
	}
	texts := make([]string, 0, 2)
	for _, t := range list[:min(len(list), 2)] {
		texts = append(texts, t.Text)
	}
	return strings.Join(texts, "; ")
}
