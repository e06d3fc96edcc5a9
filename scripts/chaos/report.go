package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"croupier/loadgen/result"
)

// after is how long after a step what players feel is put down to it.
const after = 4 * time.Second

// judge makes the verdict: loadgen's, and FAIL where something happened that must not. A generator
// that was late makes its times worthless and no proof: it is told, and does not count.
func (o outcome) judge(store bool) (result.Verdict, []string) {
	var broken []string
	for _, fault := range o.faults {
		first, _, _ := strings.Cut(fault.Error(), "\n")
		broken = append(broken, first)
	}
	if c := o.load.Counts; store && c.Closed+c.Vanished > 0 {
		broken = append(broken, fmt.Sprintf("%d rooms were closed under their players, and %d vanished", c.Closed, c.Vanished))
	}
	if n := o.dropped(); n > 0 && store {
		broken = append(broken, fmt.Sprintf("%d connections of players were lost, and no gate was touched then", n))
	}
	if n := o.displaced(); n > 0 {
		broken = append(broken, fmt.Sprintf("%d players were displaced by an older connection of their own", n))
	}
	played := *o.load
	lag := played.Health.Lag
	played.Health.Lag.Count = 0
	played.Judge()
	reasons := played.Reasons
	if lag.Count >= result.EnoughLags && lag.P99 > result.WorstLag {
		reasons = append(reasons, fmt.Sprintf("the times are not the servers' alone: the generator was %s late (p99)", brief(lag.P99)))
	}
	if len(broken) > 0 {
		return result.Fail, append(broken, reasons...)
	}
	return played.Verdict, reasons
}

// displaced is how many bots lost their place to another connection of the same user. Nobody else
// plays with these users, and each has one connection at a time.
func (o outcome) displaced() uint64 {
	var n uint64
	for _, t := range o.load.Troubles {
		if t.Text == result.Taken {
			n += t.Count
		}
	}
	return n
}

// dropped is how many connections the players lost while no gate drained or died. Nothing else may
// cost anybody the connection.
func (o outcome) dropped() uint64 {
	var n uint64
	for _, second := range o.load.Series {
		at := time.Duration(second.At * float64(time.Second))
		if second.Lost > 0 && !slices.ContainsFunc(o.deeds, func(d deed) bool {
			return strings.HasPrefix(d.Target, "gate") && at > d.Began-time.Second && at < d.Ended+15*time.Second
		}) {
			n += second.Lost
		}
	}
	return n
}

// felt is the worst that a phase of loadgen's times was while and after a step.
func (o outcome) felt(d deed, phase string) (p99, worst time.Duration) {
	for _, second := range o.load.Series {
		end := time.Duration(second.At * float64(time.Second))
		if times := second.Times[phase]; times != nil && end > d.Began && end < d.Ended+after {
			p99, worst = max(p99, times.At(99)), max(worst, times.At(100))
		}
	}
	return p99, worst
}

// print writes the figures.
func (o outcome) print(w io.Writer, players int) {
	c := o.load.Counts
	fmt.Fprintf(w, "rounds %d, settlements %d, rolls %d, checks %d\n", c.Rounds, c.Settlements, c.Rolls, o.load.Checks().Checked)
	fmt.Fprintf(w, "connections lost %d (dropped with no gate touched: %d), returns %d; rooms closed %d, vanished %d, reopened %d\n",
		c.Lost, o.dropped(), c.Returns, c.Closed, c.Vanished, c.Reopened)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "what players felt\tp50\tp99\tmax\tn\t")
	for _, phase := range []string{"action", "reseat", "seat", "late", "lag"} {
		if times := o.load.Times(phase); times.Count() > 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t\n", phase, brief(times.At(50)), brief(times.At(99)), brief(times.At(100)), times.Count())
		}
	}
	t.Flush()
	o.printDeeds(w)
	if o.network != "" {
		fmt.Fprintf(w, "network: %s\n", o.network)
	}
	printComplaints(w, o.warned)
	o.printCores(w, players)
}

// printCores writes what each process cost.
func (o outcome) printCores(w io.Writer, players int) {
	if o.length <= 0 {
		return // the load ended before its time
	}
	var all time.Duration
	var each []string
	for _, name := range slices.Sorted(maps.Keys(o.cpu)) {
		each = append(each, fmt.Sprintf("%s %.3f", name, o.cpu[name].Seconds()/o.length.Seconds()))
		if name != "loadgen" {
			all += o.cpu[name]
		}
	}
	fmt.Fprintf(w, "cores: %s; servers in all %.3f, %.1f us a second for each player\n",
		strings.Join(each, ", "), all.Seconds()/o.length.Seconds(), all.Seconds()/o.length.Seconds()/float64(max(players, 1))*1e6)
}

// printDeeds writes what each kind of step cost.
func (o outcome) printDeeds(w io.Writer) {
	kinds := make(map[string][]deed)
	for _, d := range o.deeds {
		target, _, _ := strings.Cut(d.Target, "-")
		kinds[string(d.Act)+" "+target] = append(kinds[string(d.Act)+" "+target], d)
	}
	if len(kinds) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "step\ttimes\texit, median\tworst\taction p99, worst second\tworst action\tworst reseat\t")
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		all := kinds[kind]
		slices.SortFunc(all, func(a, b deed) int { return cmp.Compare(a.Exit, b.Exit) })
		var p99, worst, back time.Duration
		for _, d := range all {
			p, m := o.felt(d, "action")
			_, r := o.felt(d, "reseat")
			p99, worst, back = max(p99, p), max(worst, m), max(back, r)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t\n", kind, len(all), brief(all[len(all)/2].Exit), brief(all[len(all)-1].Exit), brief(p99), brief(worst), brief(back))
	}
	t.Flush()
}

// brief is a duration to three digits.
func brief(d time.Duration) string {
	unit := time.Microsecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit).String()
}
