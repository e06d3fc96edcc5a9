package scenario

import (
	"math/rand/v2"
	"testing"
	"time"
)

// some is a scenario of random size.
func some(random *rand.Rand) Scenario {
	s := Default()
	s.Bots = 1 + random.IntN(5000)
	s.PerRoom = 1 + random.IntN(10)
	s.For = time.Duration(1+random.IntN(10000)) * time.Millisecond
	s.Ramp = time.Duration(random.Int64N(int64(s.For)))
	switch random.IntN(4) {
	case 0:
		s.Spectators = random.IntN(3)
	case 1:
		s.Bots, s.For, s.Ramp = 0, 0, 0
		for range 1 + random.IntN(5) {
			s.Stages = append(s.Stages, Stage{time.Duration(1+random.IntN(5000)) * time.Millisecond, 1 + random.IntN(1000)})
		}
	case 2:
		s.Ramp = 0
		s.Rate, s.Stay = float64(1+random.IntN(100)), time.Duration(1+random.IntN(20000))*time.Millisecond
		s.Bots = int(2*s.Rate*s.Stay.Seconds()) + 1
	case 3:
		s.Rooms = 1 + random.IntN(s.Bots)
	}
	return s
}

func TestWantedStaysInBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		s := some(random)
		if err := s.Check(); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		most, reached, before := s.Most(), 0, 0
		length := s.Length()
		for i := range 1001 {
			at := length * time.Duration(i) / 1000
			n := s.Wanted(at)
			if n < 0 || n > most {
				t.Fatalf("%+v: %d bots at %v, at most %d", s, n, at, most)
			}
			if n < before && len(s.Stages) == 0 {
				t.Fatalf("%+v: %d bots at %v, and %d before", s, n, at, before)
			}
			reached, before = max(reached, n), n
		}
		if s.Wanted(-1) != 0 {
			t.Errorf("%+v: bots before the begin", s)
		}
		if len(s.Stages) == 0 && s.Rate == 0 && (s.Wanted(length) != most || reached != most || s.Wanted(0) < 1) {
			t.Errorf("%+v: %d bots at the end, want %d; %d at once", s, s.Wanted(length), most, s.Wanted(0))
		}
		at := time.Duration(0)
		for _, stage := range s.Stages {
			at += stage.For
			if n := s.Wanted(at - 1); n > most {
				t.Errorf("%+v: %d bots at the end of a stage", s, n)
			}
		}
		if len(s.Stages) > 0 && s.Wanted(length+time.Hour) != s.Stages[len(s.Stages)-1].Bots {
			t.Errorf("%+v: %d bots after the end", s, s.Wanted(length+time.Hour))
		}
	}
}

// Between two close moments the population changes by no more than the ramp says.
func TestWantedIsContinuous(t *testing.T) {
	s := Default()
	s.Bots, s.For, s.Ramp = 0, 0, 0
	s.Stages = []Stage{{10 * time.Second, 1000}, {5 * time.Second, 1000}, {10 * time.Second, 10}, {time.Second, 20}}
	before := 0
	for at := time.Duration(0); at < s.Length(); at += time.Millisecond {
		n := s.Wanted(at)
		if n-before > 1 || before-n > 1 {
			t.Fatalf("%d bots at %v, and %d a millisecond before", n, at, before)
		}
		before = n
	}
	for at, want := range map[time.Duration]int{0: 1, 5 * time.Second: 501, 12 * time.Second: 1000, 20 * time.Second: 505, 26 * time.Second: 20} {
		if n := s.Wanted(at); n != want {
			t.Errorf("%d bots at %v, want %d", n, at, want)
		}
	}
}

func TestStages(t *testing.T) {
	s := Default()
	s.Ramp, s.For = time.Second, 10*time.Second
	staged := s
	staged.Stages = []Stage{{time.Second, 1}, {time.Second, 2}}
	open := s
	open.Ramp, open.Rate = 0, 5
	for _, c := range []struct {
		s    Scenario
		at   time.Duration
		want string
	}{
		{s, 0, "ramp"}, {s, time.Second, "hold"}, {s, 10 * time.Second, "over"},
		{staged, 0, "stage 1 of 2"}, {staged, time.Second, "stage 2 of 2"}, {staged, 2 * time.Second, "over"},
		{open, 0, "arrivals"},
	} {
		if got := c.s.Stage(c.at); got != c.want {
			t.Errorf("%v: %q, want %q", c.at, got, c.want)
		}
	}
}

func TestStorms(t *testing.T) {
	s := Default()
	if _, ok := s.StormAt(0); ok {
		t.Error("a storm in a scenario without")
	}
	s.For, s.StormEvery = time.Minute, 25*time.Second
	for n, want := range []time.Duration{25 * time.Second, 50 * time.Second, 0} {
		if at, ok := s.StormAt(n); ok != (want > 0) || ok && at != want {
			t.Errorf("storm %d at %v, %v", n, at, ok)
		}
	}
	s.For = 0
	if at, ok := s.StormAt(1000); !ok || at != 1001*25*time.Second {
		t.Errorf("an open end: storm 1000 at %v, %v", at, ok)
	}
	if _, ok := s.StormAt(1 << 62); ok {
		t.Error("a storm after the end of time")
	}
	if _, ok := s.StormAt(-1); ok {
		t.Error("a storm before the first")
	}
}

func TestMostAndRooms(t *testing.T) {
	s := Default()
	s.Bots, s.Spectators = 41, 2
	if s.RoomCount() != 11 || s.Most() != 63 {
		t.Errorf("%d in %d rooms", s.Most(), s.RoomCount())
	}
	s.Rooms = 3
	if s.RoomCount() != 3 || s.Most() != 47 {
		t.Errorf("%d in %d rooms", s.Most(), s.RoomCount())
	}
}
