package result

import "croupier/loadgen/internal/measure"

// HealthOf is the health that a sampler saw, with the lag that was measured and the times that the
// generator could not take what it was told.
func HealthOf(u measure.Usage, lag measure.Quantiles, slow uint64) Health {
	return Health{
		Seconds: u.Seconds, Lag: lag, CPU: u.CPU, Machine: u.Machine, GC: u.GC, Pause: u.Pause,
		Memory: u.Memory, PerBot: u.PerBot, PortsLeft: u.PortsLeft, FilesLeft: u.FilesLeft, Slow: slow,
	}
}

// and is the health of two generators together.
func (h Health) and(o Health) Health {
	if o.Seconds == 0 && h.Seconds > 0 {
		h, o = o, h
	}
	sum := Health{
		Seconds: h.Seconds + o.Seconds, Lag: worseLag(h.Lag, o.Lag),
		Pause: max(h.Pause, o.Pause), Memory: max(h.Memory, o.Memory), PerBot: max(h.PerBot, o.PerBot),
		PortsLeft: o.PortsLeft, FilesLeft: o.FilesLeft, Slow: h.Slow + o.Slow,
	}
	if h.Seconds > 0 { // else nobody looked at what is left
		sum.PortsLeft, sum.FilesLeft = fewest(h.PortsLeft, o.PortsLeft), fewest(h.FilesLeft, o.FilesLeft)
	}
	if sum.Seconds > 0 {
		sum.CPU = (h.CPU*h.Seconds + o.CPU*o.Seconds) / sum.Seconds
		sum.Machine = (h.Machine*h.Seconds + o.Machine*o.Seconds) / sum.Seconds
		sum.GC = (h.GC*h.Seconds + o.GC*o.Seconds) / sum.Seconds
	}
	return sum
}

// worseLag is the lag of the generator that was worse off. One that measured too little to tell is
// the better one.
func worseLag(a, b measure.Quantiles) measure.Quantiles {
	enoughA, enoughB := a.Count >= EnoughLags, b.Count >= EnoughLags
	switch {
	case enoughA != enoughB:
		if enoughB {
			return b
		}
	case b.P99 != a.P99:
		if b.P99 > a.P99 {
			return b
		}
	case b.Max != a.Max:
		if b.Max > a.Max {
			return b
		}
	case b.Count > a.Count:
		return b
	}
	return a
}

// fewest is the smaller of two numbers of which some may be unknown.
func fewest(a, b int) int {
	switch {
	case a < 0:
		return b
	case b < 0:
		return a
	}
	return min(a, b)
}
