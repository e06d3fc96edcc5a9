package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one run of a program.
type process struct {
	name    string
	command *exec.Cmd
	log     string        // file of its stdout and stderr
	done    chan struct{} // closed when it has ended

	mu       sync.Mutex
	expected bool // somebody ends it on purpose
}

// launch starts a program on a host, in a process group of its own, with its words in a file. Its
// environment is what it is given and nothing else.
func launch(h *host, log string, env []string, program string, args ...string) (*process, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p := &process{name: h.name, command: exec.Command(program, args...), log: log, done: make(chan struct{})}
	p.command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	p.command.Stdout, p.command.Stderr = file, file
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	h.do(func() { err = p.command.Start() })
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", h.name, err)
	}
	go func() {
		p.command.Wait() //nolint:errcheck // fate tells
		close(p.done)
	}()
	return p, nil
}

// expect says that the end of the process is no fault from now on.
func (p *process) expect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = true
}

// fate is how the process ended; nil: well, or on purpose.
func (p *process) fate() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.expected || p.command.ProcessState.Success() {
		return nil
	}
	return fmt.Errorf("%s ended by itself: %s; its last words:\n%s", p.name, p.command.ProcessState, p.lastWords())
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) signal(s syscall.Signal) error {
	if err := p.command.Process.Signal(s); err != nil {
		return fmt.Errorf("send %s %s: %w", p.name, s, err)
	}
	return nil
}

// kill ends the process at once and waits for that.
func (p *process) kill() {
	p.expect()
	p.command.Process.Kill() //nolint:errcheck // it has ended
	<-p.done
}

// ends waits until the process has ended.
func (p *process) ends(ctx context.Context, within time.Duration) error {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return fmt.Errorf("%s has not ended %s after it was asked to; its last words:\n%s", p.name, within, p.lastWords())
	}
}

// cpu is the processor time that the process has used, user and system.
func (p *process) cpu() time.Duration {
	if !p.running() {
		return p.command.ProcessState.UserTime() + p.command.ProcessState.SystemTime()
	}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.command.Process.Pid), "stat"))
	if err != nil {
		return 0 // it ended just now; who asks again learns more
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // proc(5), from the third on
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return time.Duration(user+system) * tick
}

// lastWords are the last lines of the log.
func (p *process) lastWords() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return "    " + strings.Join(lines[max(0, len(lines)-12):], "\n    ")
}
