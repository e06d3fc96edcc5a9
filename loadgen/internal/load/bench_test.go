package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/internal/link"
	"croupier/loadgen/internal/live"
	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/priority"
	"croupier/loadgen/internal/stub"
	"croupier/loadgen/result"
	"croupier/loadgen/scenario"
	"croupier/servers/token"
)

// stubVariable makes the test program a stub server, with rounds of that length.
const stubVariable = "LOADGEN_TEST_STUB"

// serveStub is a stub in a process of its own: it prints its address and ends with its standard input.
func serveStub() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	round, err := time.ParseDuration(os.Getenv(stubVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := stub.New(stub.Config{Round: round, Idle: round / 10, Seats: 4})
	go s.Serve(l)
	io.Copy(io.Discard, os.Stdin) //nolint:errcheck // the parent's end is an end, too
}

// startStub returns the URL of a stub in another process, whose rounds are so long.
func startStub(b *testing.B, round time.Duration) string {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), stubVariable+"="+round.String())
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		command.Wait() //nolint:errcheck // it is told to end
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "ws://" + strings.TrimSpace(line)
}

// crowd are bots that play at the pace of people.
func crowd(bots int) scenario.Scenario {
	s := scenario.Default()
	s.Bots, s.For, s.Ramp, s.Seed, s.Think = bots, 10*time.Minute, time.Duration(bots)*time.Second/4000, 1, 3*time.Second
	s.Late = 30 * time.Second
	return s
}

func signing() func(int64) (string, error) {
	keys, err := token.ParseKeys(token.NewKey())
	if err != nil {
		panic(err)
	}
	return func(user int64) (string, error) { return keys.Sign(user, time.Hour) }
}

// hold runs bots until they have played for a while with everybody seated, and reports what they cost.
func hold(b *testing.B, target link.Target, bots int) *result.Run {
	b.Helper()
	stop, cancel := context.WithCancel(b.Context())
	defer cancel()
	var full time.Duration
	var memory uint64
	r := swarm(b, Config{Target: target, Scenario: crowd(bots), FirstUser: 1, FirstRoom: 1}).Run(b.Context(), stop, func(s live.Snapshot) {
		last := s.Run.Series[len(s.Run.Series)-1]
		if full == 0 && last.Bots.Seated > bots*97/100 {
			full = s.At
		}
		memory = max(memory, s.Run.Health.Memory)
		if full > 0 && s.At > full+30*time.Second {
			cancel()
		}
	})
	if r.Seated < int64(bots) || violated(r) > 0 {
		b.Fatalf("%d of %d seated, %d violations: %v %v %v", r.Seated, bots, violated(r), r.Reasons, r.Troubles, r.Violations[:min(2, len(r.Violations))])
	}
	b.ReportMetric(float64(memory)/float64(bots)/1024, "KiB/bot")
	b.ReportMetric(r.Health.CPU, "cores")
	b.ReportMetric(float64(r.Health.Lag.P99.Microseconds())/1000, "lag-p99-ms")
	b.ReportMetric(0, "ns/op")
	return r
}

// What a bot costs that sits at a table in another process: everything this process needs, divided by
// the bots. 18,000 is what 20,000 open files allow.
func BenchmarkHeldBots(b *testing.B) {
	for range b.N {
		url := startStub(b, 10*time.Second)
		hold(b, link.Target{Gates: []string{url}, Token: signing(), From: 8}, 18_000)
	}
}

// The same with bots of which no system limit keeps count, and a stub in this process, whose share is in
// the figure.
func BenchmarkHeldBotsInMemory(b *testing.B) {
	for range b.N {
		s := stub.New(stub.Config{Round: 10 * time.Second, Idle: time.Second, Seats: 4})
		dial := func(context.Context, int64, string) (net.Conn, error) { return s.Pipe(), nil }
		hold(b, link.Target{Gates: []string{"ws://stub:1"}, Token: signing(), Dial: dial}, 50_000)
		s.Close()
	}
}

// Whether 2,000 bots that break 5,000 connections a second come back as fast: TCP, handshake with a signed token, seat.
func BenchmarkReconnects(b *testing.B) {
	for range b.N {
		url := startStub(b, 10*time.Second)
		sc := crowd(2000)
		sc.Ramp, sc.Flap, sc.Reconnect, sc.Backoff = 0, 60*5000.0/2000, scenario.Fixed, time.Millisecond
		stop, cancel := context.WithCancel(b.Context())
		target := link.Target{Gates: []string{url}, Token: signing(), From: 40}
		r := swarm(b, Config{Target: target, Scenario: sc, FirstUser: 1, FirstRoom: 1}).Run(b.Context(), stop, func(s live.Snapshot) {
			if s.At > 15*time.Second {
				cancel()
			}
		})
		cancel()
		var returns uint64
		seconds := r.Series[5:15]
		for _, second := range seconds {
			returns += second.Returns
		}
		b.ReportMetric(float64(returns)/float64(len(seconds)), "reseats/s")
		b.ReportMetric(float64(r.Times(measure.Reseat.String()).Quantiles().P99.Microseconds())/1000, "reseat-p99-ms")
		b.ReportMetric(r.Health.CPU, "cores")
		b.ReportMetric(0, "ns/op")
		if violated(r) > 0 {
			b.Errorf("violations: %v %v", r.Reasons, r.Violations[:1])
		}
	}
}

// How late bots act when the machine is busy, mostly with them: 8,000 of them, at a pace that is no longer
// that of people. The machine's share tells what the lag goes with.
func BenchmarkSendLag(b *testing.B) {
	for range b.N {
		url := startStub(b, 2500*time.Millisecond)
		priority.Raise() // as the program itself does
		sc := crowd(8000)
		sc.Ramp, sc.Think = 8*time.Second, 500*time.Millisecond
		stop, cancel := context.WithCancel(b.Context())
		target := link.Target{Gates: []string{url}, Token: signing(), From: 4}
		r := swarm(b, Config{Target: target, Scenario: sc, FirstUser: 1, FirstRoom: 1}).Run(b.Context(), stop, func(s live.Snapshot) {
			if s.At > 40*time.Second {
				cancel()
			}
		})
		cancel()
		lag := measure.NewHistogram()
		for _, second := range r.Series[10:40] {
			if err := lag.Merge(second.Times[measure.Lag.String()]); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(lag.At(50).Microseconds())/1000, "lag-p50-ms")
		b.ReportMetric(float64(lag.At(99).Microseconds())/1000, "lag-p99-ms")
		b.ReportMetric(float64(r.Series[30].Rolls), "rolls/s")
		b.ReportMetric(r.Health.CPU, "cores")
		b.ReportMetric(100*r.Health.Machine, "%machine")
		b.ReportMetric(0, "ns/op")
	}
}
