package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Weather is how the network between the hosts is.
type Weather struct {
	Delay  time.Duration // of every packet, one way
	Jitter time.Duration // at most so much more; it changes every 100 ms and differs from pair to pair
	Loss   float64       // share of the packets that are lost
}

// relay is the network between hosts: it reads IP packets from their TUN devices and hands each to
// the device of its destination, later, or not at all.
type relay struct {
	weather Weather
	seed    uint64
	began   time.Time
	ports   map[netip.Addr]*port
	readers sync.WaitGroup
	writers sync.WaitGroup

	packets, lost, cut, overflow atomic.Uint64

	mu  sync.Mutex
	off map[[2]netip.Addr]int // pairs between which nothing gets through, both ways, and how often cut
}

// port is a host's end of the network.
type port struct {
	tun   *os.File
	queue chan packet
	mu    sync.Mutex
	last  time.Time // when the packet before is due; under mu
}

type packet struct {
	due  time.Time
	data []byte
}

// backlog bounds the packets under way to one host. What comes on top is lost, as in any router.
const backlog = 16384

func newRelay(w Weather, seed uint64, hosts []*host) *relay {
	r := &relay{weather: w, seed: seed, began: time.Now(), ports: make(map[netip.Addr]*port), off: make(map[[2]netip.Addr]int)}
	for _, h := range hosts {
		r.ports[h.address] = &port{tun: h.tun, queue: make(chan packet, backlog)}
	}
	for _, p := range r.ports {
		r.readers.Go(func() { r.read(p) })
		r.writers.Go(func() { p.write() })
	}
	return r
}

// wait waits until every device is closed.
func (r *relay) wait() {
	r.readers.Wait()
	for _, p := range r.ports {
		close(p.queue)
	}
	r.writers.Wait()
}

// sever cuts two hosts off from each other, or joins them again. Cuts count.
func (r *relay) sever(a, b netip.Addr, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change := 1
	if !cut {
		change = -1
	}
	r.off[[2]netip.Addr{a, b}] += change
	r.off[[2]netip.Addr{b, a}] += change
}

func (r *relay) severed(a, b netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.off[[2]netip.Addr{a, b}] > 0
}

func (r *relay) read(p *port) {
	buffer := make([]byte, 65536)
	for {
		n, err := p.tun.Read(buffer)
		if err != nil {
			return // closed
		}
		if from, to, ok := ends(buffer[:n]); ok {
			r.carry(from, to, buffer[:n])
		}
	}
}

// ends are where an IPv4 packet comes from and where it is to go.
func ends(data []byte) (from, to netip.Addr, ok bool) {
	if len(data) < 20 || data[0]>>4 != 4 {
		return from, to, false
	}
	return netip.AddrFrom4([4]byte(data[12:16])), netip.AddrFrom4([4]byte(data[16:20])), true
}

func (r *relay) carry(from, to netip.Addr, data []byte) {
	target := r.ports[to]
	if target == nil {
		return
	}
	r.packets.Add(1)
	switch {
	case r.severed(from, to):
		r.cut.Add(1)
		return
	case r.weather.Loss > 0 && rand.Float64() < r.weather.Loss:
		r.lost.Add(1)
		return
	}
	now := time.Now()
	due := now.Add(r.weather.at(r.seed, from, to, now.Sub(r.began)))
	target.mu.Lock()
	defer target.mu.Unlock()
	if due.Before(target.last) {
		due = target.last // packets keep their order
	}
	select {
	case target.queue <- packet{due, append([]byte(nil), data...)}:
		target.last = due
	default:
		r.overflow.Add(1)
	}
}

// at is the delay from one host to another at some time. It depends on nothing else.
func (w Weather) at(seed uint64, from, to netip.Addr, since time.Duration) time.Duration {
	if w.Jitter <= 0 {
		return w.Delay
	}
	a, b := from.As4(), to.As4()
	spell := uint64(since / (100 * time.Millisecond))
	source := rand.NewPCG(seed+spell, uint64(a[3])<<8|uint64(b[3]))
	return w.Delay + time.Duration(rand.New(source).Int64N(int64(w.Jitter)))
}

func (p *port) write() {
	for packet := range p.queue {
		if wait := time.Until(packet.due); wait > 0 {
			time.Sleep(wait)
		}
		// A packet that the device does not take is lost, like any other.
		_, _ = p.tun.Write(packet.data)
	}
}

func (r *relay) String() string {
	return fmt.Sprintf("%d packets; %d lost by chance, %d in cuts, %d as a queue was full", r.packets.Load(), r.lost.Load(), r.cut.Load(), r.overflow.Load())
}
