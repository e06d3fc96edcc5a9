// Bench-hop measures what a player costs: gate and game server, as separate processes, against a
// bare WebSocket echo (lxzan/gws), all in one run with one driver. It prints, for each, the
// servers' CPU per round trip, their memory per player, and the round trips a second; then the
// ratios. Figures of one run compare; figures of two runs, on a shared machine, do not.
//
// The work is the published benchmark's: all players are seated in rooms of four, and a few of
// them ask for their room's state (opcode 6) again as soon as they have the answer.
//
//	go run ./scripts/bench-hop [-players 10000] [-active 256] [-for 8s] [-rounds 3]
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "echo" {
		echo()
		return
	}
	var w work
	flag.IntVar(&w.players, "players", 10_000, "players connected")
	flag.IntVar(&w.active, "active", 256, "players who ask all the time")
	flag.DurationVar(&w.length, "for", 8*time.Second, "how long each system is driven each time")
	rounds := flag.Int("rounds", 3, "how often each system is measured")
	profile := flag.String("profile", "", "write CPU profiles of gate and game server to this folder")
	flag.Parse()
	if err := run(w, *rounds, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "bench-hop:", err)
		os.Exit(1)
	}
}

// figures are what one measurement gives.
type figures struct {
	cpu    float64 // microseconds of server CPU per round trip
	memory float64 // KiB of server memory per player, over the idle servers
	rate   float64 // round trips a second
}

func run(w work, rounds int, profile string) error {
	build, err := buildServers()
	if err != nil {
		return err
	}
	defer os.RemoveAll(build)
	var echoes, hops []figures
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d: echo", round+1, rounds)
		one, err := measureEcho(w)
		if err != nil {
			return fmt.Errorf("echo: %w", err)
		}
		echoes = append(echoes, one)
		fmt.Fprint(os.Stderr, ", gate and game\n")
		two, err := measureHop(w, build, profile)
		if err != nil {
			return fmt.Errorf("gate and game: %w", err)
		}
		hops = append(hops, two)
	}
	fmt.Printf("%d players in rooms of four, %d active, %d rounds of %v, %d cores; medians\n\n", w.players, w.active, rounds, w.length, runtime.NumCPU())
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "system\tserver CPU per round trip\tmemory per player\tround trips/s\t")
	e, h := median(echoes), median(hops)
	fmt.Fprintf(t, "bare echo, one hop\t%.1f us\t%.1f KiB\t%.0f\t\n", e.cpu, e.memory, e.rate)
	fmt.Fprintf(t, "gate and game, two hops\t%.1f us\t%.1f KiB\t%.0f\t\n", h.cpu, h.memory, h.rate)
	fmt.Fprintf(t, "ratio\t%.2f\t%.2f\t%.2f\t\n", h.cpu/e.cpu, h.memory/e.memory, h.rate/e.rate)
	return t.Flush()
}

func median(all []figures) figures {
	of := func(pick func(figures) float64) float64 {
		values := make([]float64, len(all))
		for i, f := range all {
			values[i] = pick(f)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return figures{
		cpu:    of(func(f figures) float64 { return f.cpu }),
		memory: of(func(f figures) float64 { return f.memory }),
		rate:   of(func(f figures) float64 { return f.rate }),
	}
}
