package stack

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"croupier/servers/token"
)

func TestProcesses(t *testing.T) {
	dir := binaries(t)
	t.Run("play, drain, stop", func(t *testing.T) { play(t, dir) })
	t.Run("kill", func(t *testing.T) { kill(t, dir) })
	t.Run("refuse to start", func(t *testing.T) { refuse(t, dir) })
}

// binaries builds the real servers.
func binaries(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "croupier/servers/game", "croupier/servers/gate")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// process is a running server.
type process struct {
	t           *testing.T
	cmd         *exec.Cmd
	listen, ops string
	done        chan error
}

var addresses = regexp.MustCompile(`listen=(\S+) ops=(\S+)`)

// launch starts a server and waits until it says where it listens.
func launch(t *testing.T, key, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, done: make(chan error, 1)}
	p.cmd = exec.Command(path, append([]string{"--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"}, args...)...)
	p.cmd.Env = []string{"JWT_KEY=" + key}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan []string, 1)
	go func() {
		defer close(listening)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			t.Log(filepath.Base(path)+":", lines.Text())
			if strings.Contains(lines.Text(), key) {
				t.Errorf("the key is in the log: %s", lines.Text())
			}
			if found := addresses.FindStringSubmatch(lines.Text()); found != nil {
				listening <- found
			}
		}
		p.done <- p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
	})
	found := within(t, filepath.Base(path)+" to listen", listening)
	if found == nil {
		t.Fatalf("%s ended before it listened: see its words above", filepath.Base(path))
	}
	p.listen, p.ops = found[1], found[2]
	return p
}

func (p *process) signal() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// exits waits for the end, which must be a good one.
func (p *process) exits() {
	p.t.Helper()
	err := within(p.t, filepath.Base(p.cmd.Path)+" to exit", p.done)
	if err != nil {
		p.t.Errorf("%s: %v", filepath.Base(p.cmd.Path), err)
	}
	p.done <- err
}

// play: the real processes, with real signals. Players play, the game server drains by `game drain`, goes
// by SIGTERM when it is empty, and by a second one when it is not; the gate sends players away.
func play(t *testing.T, dir string) {
	key := token.NewKey()
	defer http.DefaultClient.CloseIdleConnections()
	gameServer := func() *process {
		return launch(t, key, filepath.Join(dir, "game"), "--round", "500ms", "--idle", "50ms")
	}
	first := gameServer()
	gate := launch(t, key, filepath.Join(dir, "gate"), "--games", "dice="+first.listen, "--spread", "100ms")
	url := "ws://" + gate.listen
	a := dialSocket(t, url, jwt(t, key, 1))
	a.send(3, sitDown("1", "-1")...)
	a.until(3, user1(1))

	drain := exec.CommandContext(t.Context(), filepath.Join(dir, "game"), "drain", "--ops", first.ops)
	drain.Stderr = os.Stderr
	drained := make(chan error, 1)
	go func() { drained <- drain.Run() }()
	a.until(7, nil)   // the closing notice
	a.until(104, nil) // and the rounds go on
	select {
	case err := <-drained:
		t.Fatalf("game drain returned while a player was there: %v", err)
	default:
	}
	first.signal() // as Kubernetes does whatever else has asked: the drain goes on
	a.until(104, nil)
	a.send(4)
	a.until(4, nil)
	if err := within(t, "game drain to return", drained); err != nil {
		t.Errorf("game drain: %v", err)
	}
	first.exits()

	second := gameServer()
	gate2 := launch(t, key, filepath.Join(dir, "gate"), "--games", "dice="+second.listen, "--spread", "100ms")
	b := dialSocket(t, "ws://"+gate2.listen, jwt(t, key, 2))
	b.send(3, sitDown("1", "-1")...)
	b.until(3, user1(2))
	second.signal()
	b.until(7, nil)
	second.signal()
	b.until(2, value(0))
	if code := b.closeCode(); code != 1012 {
		t.Errorf("close code %d, want 1012", code)
	}
	second.exits()

	gate.signal()
	if code := a.closeCode(); code != 1001 {
		t.Errorf("close code %d, want 1001", code)
	}
	gate.exits()
	gate2.signal()
	gate2.exits()
}

// kill: a game server that is killed costs its players a reconnect, and the gate nothing.
func kill(t *testing.T, dir string) {
	key := token.NewKey()
	game := launch(t, key, filepath.Join(dir, "game"))
	gate := launch(t, key, filepath.Join(dir, "gate"), "--games", "dice="+game.listen)
	a := dialSocket(t, "ws://"+gate.listen, jwt(t, key, 1))
	a.send(3, sitDown("1", "-1")...)
	a.until(3, user1(1))
	game.cmd.Process.Kill()
	a.until(2, value(0))
	if code := a.closeCode(); code != 1012 {
		t.Errorf("close code %d, want 1012", code)
	}
	again := launch(t, key, filepath.Join(dir, "game"), "--listen", game.listen) // the last --listen counts
	a = dialSocket(t, "ws://"+gate.listen, jwt(t, key, 1))
	eventually(t, "the new server to be found", func() bool {
		a.send(3, sitDown("1", "-1")...)
		op, _ := a.receive()
		return op == 3
	})
	again.signal()
	a.until(7, nil) // the kernel takes two signals of a kind at once for one
	again.signal()
	a.closeCode()
	again.exits()
}

// refuse: what can't work is refused at once, with the next step, and with a status that tells bad usage
// from the rest.
func refuse(t *testing.T, dir string) {
	key := token.NewKey()
	for _, c := range []struct {
		server, args, key string
		status            int
		says              string
	}{
		{"gate", "", "", 1, "croupier token key"},
		{"game", "", "", 1, "croupier token key"},
		{"gate", "", "short", 1, "croupier token key"},
		{"gate", "", "c2hvcnQ=", 1, "at least 32"},
		{"game", "", "c2hvcnQ=", 1, "at least 32"},
		{"game", "--nope", key, 2, "see game --help"},
		{"gate", "--nope", key, 2, "see gate --help"},
		{"game", "serve", key, 2, "unexpected argument"},
		{"gate", "serve", key, 2, "unexpected argument"},
		{"game", "--seats 0", key, 2, "--seats"},
		{"game", "--round -1s", key, 2, "--round"},
		{"game", "--round soon", key, 2, "-round"},
		{"game", "--games nim", key, 2, "unknown game"},
		{"game", "--direct maybe", key, 2, "off, token or open"},
		{"gate", "--games dice", key, 2, "GAME=HOST:PORT"},
		{"gate", "--rate 0", key, 2, "--rate"},
		{"gate", "--idle-timeout 1s", key, 2, "--idle-timeout"},
		{"game", "--listen 127.0.0.1:99999", key, 2, "--listen \"127.0.0.1:99999\": write HOST:PORT"},
		{"gate", "--listen 127.0.0.1:99999", key, 2, "--listen \"127.0.0.1:99999\": write HOST:PORT"},
		{"game", "drain --ops 127.0.0.1:1", key, 1, "ask the server to drain"},
		{"game", "drain now", key, 2, "unexpected argument"},
		{"game", "--help", "", 0, "Usage: game"},
		{"gate", "--help", "", 0, "Usage: gate"},
	} {
		t.Run(strings.TrimSpace(c.server+" "+c.args), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), filepath.Join(dir, c.server), strings.Fields(c.args)...)
			cmd.Env = []string{"JWT_KEY=" + c.key}
			cmd.WaitDelay = time.Second
			var text bytes.Buffer
			cmd.Stdout, cmd.Stderr = &text, &text
			status := 0
			if err := cmd.Run(); err != nil {
				var exit *exec.ExitError
				if !errors.As(err, &exit) {
					t.Fatal(err)
				}
				status = exit.ExitCode()
			}
			if status != c.status || !strings.Contains(text.String(), c.says) {
				t.Errorf("exit status %d, want %d and words about %q:\n%s", status, c.status, c.says, text.String())
			}
			if c.key != "" && strings.Contains(text.String(), c.key) && c.key != "short" {
				t.Errorf("the key is shown:\n%s", text.String())
			}
		})
	}
}
