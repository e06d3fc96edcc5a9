package clock

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t testing.TB) *Clock {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Every alarm goes off once, never before its time, whatever the order in which they were set.
func TestAlarmsGoOffOnceAndNotEarly(t *testing.T) {
	c := start(t)
	var all sync.WaitGroup
	alarms := make([]Alarm, 2000)
	began := time.Now()
	for i := range alarms {
		at := began.Add(time.Duration(rand.IntN(100_000)) * time.Microsecond)
		all.Add(1)
		alarms[i].Act = func() {
			if time.Now().Before(at) {
				t.Errorf("an alarm went off %v early", time.Until(at))
			}
			all.Done() // panics at a second time
		}
		c.Set(&alarms[i], at)
	}
	all.Wait()
}

func TestSetAgainAndStop(t *testing.T) {
	c := start(t)
	var wrong atomic.Bool
	done := make(chan struct{})
	now := time.Now()
	first := Alarm{Act: func() { close(done) }} // panics at a second time
	stopped := Alarm{Act: func() { wrong.Store(true) }}
	c.Set(&first, now.Add(time.Hour))
	c.Set(&stopped, now.Add(10*time.Millisecond))
	c.Stop(&stopped)
	c.Stop(&stopped)
	c.Set(&first, now.Add(20*time.Millisecond))
	<-done
	if wrong.Load() {
		t.Error("an alarm went off that was stopped")
	}
}

func TestClosed(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	a := Alarm{Act: func() { t.Error("went off") }}
	c.Set(&a, time.Now().Add(time.Hour))
	c.Close()
	c.Set(&a, time.Now())
	c.Stop(&a)
}

func BenchmarkSet(b *testing.B) {
	c := start(b)
	alarms := make([]Alarm, 10_000)
	at := time.Now().Add(time.Hour)
	for i := range b.N {
		c.Set(&alarms[i%len(alarms)], at.Add(time.Duration(rand.Uint32())))
	}
}

// How late an alarm is when there is nothing else to do.
func BenchmarkLateness(b *testing.B) {
	c := start(b)
	var a Alarm
	var late time.Duration
	fired := make(chan time.Duration)
	for range b.N {
		at := time.Now().Add(time.Duration(rand.IntN(3_000_000)))
		a.Act = func() { fired <- time.Since(at) }
		c.Set(&a, at)
		late += <-fired
	}
	b.ReportMetric(float64(late.Microseconds())/float64(b.N), "us-late")
}
