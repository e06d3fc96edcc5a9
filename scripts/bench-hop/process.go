package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"croupier/servers/token"
)

// buildServers builds gate and game into a new folder.
func buildServers() (string, error) {
	folder, err := os.MkdirTemp("", "bench-hop")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", folder+"/", "croupier/servers/gate", "croupier/servers/game")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		os.RemoveAll(folder)
		return "", fmt.Errorf("build the servers: %w", err)
	}
	return folder, nil
}

// process is a server under measurement.
type process struct{ command *exec.Cmd }

// start starts a program and waits until it accepts connections on address.
func start(address string, env []string, name string, args ...string) (*process, error) {
	p := &process{command: exec.Command(name, args...)}
	p.command.Env = append(os.Environ(), env...)
	var log strings.Builder
	p.command.Stderr = &log
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return p, nil
		}
		if time.Now().After(deadline) {
			p.stop()
			return nil, fmt.Errorf("%s does not listen: %w\n%s", filepath.Base(name), err, log.String())
		}
	}
}

func (p *process) stop() {
	p.command.Process.Kill() //nolint:errcheck // it has ended
	p.command.Wait()         //nolint:errcheck // it was killed
}

// cpu is the processor time that the process has used, user and system (proc(5)).
func (p *process) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/%d/stat: %q", p.command.Process.Pid, b)
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return time.Duration(user+system) * tick, nil
}

// memory is the resident set in KiB.
func (p *process) memory() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmRSS", p.command.Process.Pid)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func measureEcho(w work) (figures, error) {
	address, err := freeAddress()
	if err != nil {
		return figures{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return figures{}, err
	}
	p, err := start(address, nil, self, "echo", address)
	if err != nil {
		return figures{}, err
	}
	defer p.stop()
	return w.measure(address, func(int) (string, error) { return "", nil }, false, nil, p)
}

func measureHop(w work, folder, profile string) (figures, error) {
	var addresses [4]string
	for i := range addresses {
		address, err := freeAddress()
		if err != nil {
			return figures{}, err
		}
		addresses[i] = address
	}
	key := token.NewKey()
	keys, err := token.ParseKeys(key)
	if err != nil {
		return figures{}, err
	}
	env := []string{"JWT_KEY=" + key}
	game, err := start(addresses[1], env, folder+"/game", "--dev", "--listen", addresses[1], "--ops", addresses[3], "--round", "1h")
	if err != nil {
		return figures{}, err
	}
	defer game.stop()
	gate, err := start(addresses[0], env, folder+"/gate", "--dev", "--listen", addresses[0], "--ops", addresses[2],
		"--games", "dice="+addresses[1], "--rate", "1e6", "--burst", "1e6", "--ping-every", "1h", "--idle-timeout", "2h")
	if err != nil {
		return figures{}, err
	}
	defer gate.stop()
	tokens := func(user int) (string, error) { return keys.Sign(int64(user), time.Hour) }
	var during func() error
	if profile != "" {
		during = func() error {
			for name, ops := range map[string]string{"gate": addresses[2], "game": addresses[3]} {
				go fetch("http://"+ops+"/debug/pprof/profile?seconds="+strconv.Itoa(int(w.length.Seconds())-1), filepath.Join(profile, name+".pprof"))
			}
			return nil
		}
	}
	f, err := w.measure(addresses[0], tokens, true, during, gate, game)
	if profile != "" && err == nil {
		for name, ops := range map[string]string{"gate": addresses[2], "game": addresses[3]} {
			fetch("http://"+ops+"/debug/pprof/heap", filepath.Join(profile, name+".heap"))
			fetch("http://"+ops+"/metrics", filepath.Join(profile, name+".metrics"))
		}
	}
	return f, err
}

func fetch(url, file string) {
	response, err := http.Get(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		return
	}
	defer response.Body.Close()
	out, err := os.Create(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
		return
	}
	defer out.Close()
	if _, err := io.Copy(out, response.Body); err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
	}
}
