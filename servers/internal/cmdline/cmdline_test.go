package cmdline

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"
)

// What is wrong with a flag is said in the form in which flags are written, with an example.
func TestParse(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--round", "5"}, `--round can't be "5": write, for example, --round=30s: see game --help`},
		{[]string{"--seats=many"}, `--seats can't be "many": write, for example, --seats=4: see game --help`},
		{[]string{"--dev=yes"}, `--dev can't be "yes": write, for example, --dev=false: see game --help`},
		{[]string{"--bogus"}, "unknown flag --bogus: see game --help"},
		{[]string{"--round"}, "--round needs a value: see game --help"},
		{[]string{"serve"}, `unexpected argument "serve": see game --help`},
	} {
		f := flag.NewFlagSet("game", flag.ContinueOnError)
		f.Duration("round", 30*time.Second, "")
		f.Int("seats", 4, "")
		f.Bool("dev", false, "")
		err := Parse(f, test.args, io.Discard, "")
		var out strings.Builder
		if status := Status("game", err, &out); status != StatusUsage || out.String() != "game: "+test.says+"\n" {
			t.Errorf("%q: status %d, %s", test.args, status, out.String())
		}
	}
}

func TestHelp(t *testing.T) {
	f := flag.NewFlagSet("game", flag.ContinueOnError)
	f.Duration("round", 30*time.Second, "length of a `round`")
	var out strings.Builder
	const want = "Usage: game\n\n  --round round\n    \tlength of a round (default 30s)\n"
	if err := Parse(f, []string{"--help"}, &out, "Usage: game\n\n"); Status("game", err, &out) != StatusOK || out.String() != want {
		t.Errorf("%v: %q", err, out.String())
	}
}

func TestListen(t *testing.T) {
	first, err := Listen("ops", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for address, want := range map[string]struct {
		status int
		says   string
	}{
		first.Addr().String(): {StatusFailed, "another process listens there"},
		"192.0.2.1:60011":     {StatusFailed, "this host does not have that address"},
		"60011":               {StatusUsage, "write HOST:PORT"},
		"127.0.0.1:70000":     {StatusUsage, "write HOST:PORT"},
		"127.0.0.1":           {StatusUsage, "write HOST:PORT"},
	} {
		_, err := Listen("ops", address)
		var out strings.Builder
		if status := Status("game", err, &out); status != want.status || !strings.HasPrefix(out.String(), "game: --ops ") || !strings.Contains(out.String(), want.says) {
			t.Errorf("%s: status %d, %s", address, status, out.String())
		}
	}
}

func TestCheckAddress(t *testing.T) {
	for address, good := range map[string]bool{
		"127.0.0.1:60001": true, "dice-0.dice:60001": true, "[::1]:60001": true,
		"": false, "dice": false, ":60001": false, "dice:0": false, "dice:http": false, "dice:70000": false, "dice:-1": false,
	} {
		if err := CheckAddress("advertise", address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestCheckNATS(t *testing.T) {
	for urls, good := range map[string]bool{
		"": true, "nats:4222": true, "nats://a:4222, tls://b:4222": true, "wss://a": true, "nats://user:password@a:4222": true,
		"nats://": false, "http://secret@a:4222": false, "nats://secret@": false, "nats://a:4222,": false,
	} {
		if err := CheckNATS(urls); (err == nil) != good || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", urls, err)
		}
	}
}
