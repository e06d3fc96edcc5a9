package scenario

import "time"

// Default is what most runs want, and what a file or flags change.
func Default() Scenario {
	s := Scenario{
		Game:    "dice",
		Bots:    40,
		PerRoom: 4,
		For:     time.Minute,

		Think: 500 * time.Millisecond,
		Leave: 0.02,
		Rest:  2 * time.Second,

		StormShare: 1,
		Reconnect:  Jitter,
		Backoff:    5 * time.Second,

		Patience: 30 * time.Second,
		Late:     750 * time.Millisecond,
	}
	s.Ramp = usualRamp(s.Bots)
	return s
}

// usualRamp is a second for 200 bots.
func usualRamp(bots int) time.Duration { return time.Duration(max(bots, 0)) * time.Second / 200 }
