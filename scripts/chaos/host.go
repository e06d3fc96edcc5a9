package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// host is where processes run: this machine with an address of its own on loopback, or a network
// namespace whose only way out is a TUN device that the relay serves.
//
// It is one thread of this process. What it starts dies with it (Pdeathsig), and a namespace dies
// with its last process and its device: whatever becomes of this process, nothing is left behind.
type host struct {
	name    string
	address netip.Addr
	tun     *os.File // nil: on loopback
	work    chan func()
}

func newHost(name string, address netip.Addr, isolated bool) (*host, error) {
	h := &host{name: name, address: address, work: make(chan func())}
	ready := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: nothing else may run in this namespace
		if isolated {
			err := h.isolate()
			ready <- err
			if err != nil {
				return
			}
		} else {
			ready <- nil
		}
		for act := range h.work {
			act()
		}
	}()
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("make a network for %s: %w", name, err)
	}
	return h, nil
}

// do runs a function on the host's thread. Sockets that it opens and processes that it starts are
// the host's.
func (h *host) do(act func()) {
	done := make(chan struct{})
	h.work <- func() { defer close(done); act() }
	<-done
}

// close ends the host's thread, after everything that runs there has ended.
func (h *host) close() {
	close(h.work)
	if h.tun != nil {
		h.tun.Close()
	}
}

// at is an address of this host.
func (h *host) at(port int) string {
	return netip.AddrPortFrom(h.address, uint16(port)).String()
}

// dial connects from the host's own network. The caller's context bounds it.
func (h *host) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	h.do(func() { conn, err = new(net.Dialer).DialContext(ctx, network, address) })
	return conn, err
}

// isolate puts this thread into a new network namespace.
func (h *host) isolate() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("a network namespace: %w", err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq("tun0")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(request))); errno != 0 {
		unix.Close(fd)
		return fmt.Errorf("make a TUN device: %w", errno)
	}
	h.tun = os.NewFile(uintptr(fd), "tun0 of "+h.name)
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", h.address.String() + "/24", "dev", "tun0"},
		{"link", "set", "tun0", "up", "mtu", "1500", "txqueuelen", "10000"},
	} {
		var said bytes.Buffer
		ip := exec.Command("ip", args...)
		ip.Stderr = &said
		if err := ip.Run(); err != nil {
			h.tun.Close()
			return fmt.Errorf("ip %v: %w: %s", args, err, bytes.TrimSpace(said.Bytes()))
		}
	}
	return nil
}
