package result

import (
	"math"
	"slices"

	"croupier/loadgen/internal/measure"
)

const (
	// settle is for how many seconds a population is left alone once it is as large as it gets.
	settle = 5
	// shortest is the fewest seconds that are taken together: neighbours resemble each other.
	shortest = 5
	// fewBlocks is how many blocks say something about their spread.
	fewBlocks = 8
	// alike is the correlation of neighbouring blocks beyond which longer ones are made.
	alike = 0.25
)

// side is a run, as a part of one side of a comparison: its steady seconds.
type side struct {
	seconds []Second
	bots    float64 // that were wanted in them, times seconds
}

func sidesOf(runs []*Run) []side {
	sides := make([]side, len(runs))
	for i, r := range runs {
		sides[i] = steady(r)
	}
	return sides
}

// steady are the seconds in which the population was as large as it got, to a twentieth, without the
// first few and the last one, which is none of a whole second.
func steady(r *Run) side {
	most := 0
	for _, s := range r.Series {
		most = max(most, s.Bots.Wanted)
	}
	var kept side
	for i, s := range r.Series {
		if i == len(r.Series)-1 || float64(s.Bots.Wanted) < 0.95*float64(most) {
			continue
		}
		kept.seconds = append(kept.seconds, s)
	}
	kept.seconds = kept.seconds[min(settle, len(kept.seconds)):]
	for _, s := range kept.seconds {
		kept.bots += float64(max(s.Bots.Wanted, s.Bots.Seated, 1))
	}
	return kept
}

// has says whether there are times of a phase.
func (s side) has(phase string) bool {
	return slices.ContainsFunc(s.seconds, func(one Second) bool { return one.Times[phase].Count() > 0 })
}

// block is a value of some seconds together, and of how many measurements it is.
type block struct {
	value float64
	count uint64
}

// blocks divides the steady seconds. What is left over at the end is left out.
func (s side) blocks(q question, length int) []block {
	var blocks []block
	all := measure.NewHistogram()
	for at := 0; at+length <= len(s.seconds); at += length {
		part := s.seconds[at : at+length]
		if q.phase == "" {
			var n uint64
			for _, one := range part {
				n += one.Settlements
			}
			blocks = append(blocks, block{float64(n) / float64(length), n})
			continue
		}
		all.Reset()
		for _, one := range part {
			// Counts that no histogram holds are no result of a run; such a block has fewer.
			_ = all.Merge(one.Times[q.phase])
		}
		blocks = append(blocks, block{all.At(q.percentile).Seconds(), all.Count()})
	}
	return blocks
}

// needs is how many measurements make a block's value a value: some beyond the percentile.
func (q question) needs() uint64 {
	if q.phase == "" {
		return 5
	}
	return max(10, uint64(math.Round(2/(1-q.percentile/100))))
}

// logs are the logarithms of a run's blocks, of blocks as short as can be: so long that nine of ten
// have enough measurements, and that neighbours do not resemble each other. There are none where too
// little was measured.
func (s side) logs(q question) []float64 {
	var logs []float64
	for length := shortest; len(s.seconds)/length >= fewBlocks; length *= 2 {
		blocks := s.blocks(q, length)
		enough := slices.DeleteFunc(slices.Clone(blocks), func(b block) bool { return b.count < q.needs() || b.value <= 0 })
		if len(enough) < fewBlocks || len(enough)*10 < len(blocks)*9 {
			if len(logs) > 0 {
				break // the shorter blocks will do
			}
			continue
		}
		logs = logs[:0]
		for _, b := range enough {
			logs = append(logs, math.Log(b.value))
		}
		if correlation(logs) <= alike {
			break
		}
	}
	return logs
}

// wanted is for how many seconds a run should have been steady to be compared, when it was too short
// or measured too little: whole is all of it in one block.
func (s side) wanted(q question, whole []block) int {
	length := shortest
	if len(whole) > 0 && whole[0].count > 0 {
		each := float64(q.needs()) / float64(whole[0].count) * float64(len(s.seconds)) // seconds for enough
		for float64(length) < each*1.2 && length < maxSeconds {
			length *= 2
		}
	}
	if want := fewBlocks * length; want > len(s.seconds) {
		return want
	}
	return 2 * len(s.seconds) // there was enough, but in few of the blocks
}

// correlation is how much neighbours resemble each other: from -1 to 1.
func correlation(x []float64) float64 {
	var mean, own, next float64
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for i, v := range x {
		own += (v - mean) * (v - mean)
		if i > 0 {
			next += (v - mean) * (x[i-1] - mean)
		}
	}
	if own == 0 {
		return 0
	}
	return next / own
}
