package main

import (
	"bytes"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

var (
	hostA = netip.AddrFrom4([4]byte{10, 77, 0, 1})
	hostB = netip.AddrFrom4([4]byte{10, 77, 0, 2})
)

// ip makes a packet with one byte of content.
func ip(from, to netip.Addr, content byte) []byte {
	data := make([]byte, 21)
	data[0], data[20] = 0x45, content
	a, b := from.As4(), to.As4()
	copy(data[12:], a[:])
	copy(data[16:], b[:])
	return data
}

// newStill is a relay whose devices nobody reads: carry is called by the test.
func newStill(w Weather) *relay {
	r := &relay{weather: w, began: time.Now(), ports: make(map[netip.Addr]*port), off: make(map[[2]netip.Addr]int)}
	for _, a := range []netip.Addr{hostA, hostB} {
		r.ports[a] = &port{queue: make(chan packet, backlog)}
	}
	return r
}

func TestPacketsComeLaterAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newStill(Weather{Delay: 10 * time.Millisecond, Jitter: 20 * time.Millisecond})
		var last time.Time
		for i := range 200 {
			began := time.Now()
			r.carry(hostA, hostB, ip(hostA, hostB, byte(i)))
			p := <-r.ports[hostB].queue
			if p.data[20] != byte(i) || p.due.Before(last) {
				t.Fatalf("packet %d is %d, due %s after the one before", i, p.data[20], p.due.Sub(last))
			}
			if delay := p.due.Sub(began); delay < 10*time.Millisecond || delay > 30*time.Millisecond {
				t.Fatalf("packet %d comes %s late", i, delay)
			}
			last = p.due
			time.Sleep(7 * time.Millisecond)
		}
	})
}

func TestNothingGetsThroughACut(t *testing.T) {
	r := newStill(Weather{})
	r.sever(hostA, hostB, true)
	r.sever(hostB, hostA, true) // two cuts at a time are one until both have ended
	for i, want := range []int{0, 0, 2} {
		r.carry(hostA, hostB, ip(hostA, hostB, 1))
		r.carry(hostB, hostA, ip(hostB, hostA, 1))
		if n := len(r.ports[hostA].queue) + len(r.ports[hostB].queue); n != want {
			t.Errorf("after %d ends of cuts %d packets got through, want %d", i, n, want)
		}
		r.sever(hostA, hostB, false)
	}
	if r.cut.Load() != 4 {
		t.Errorf("%d packets were cut, want 4", r.cut.Load())
	}
}

func TestAFullQueueLosesPackets(t *testing.T) {
	r := newStill(Weather{})
	for range backlog + 3 {
		r.carry(hostA, hostB, ip(hostA, hostB, 1))
	}
	if r.overflow.Load() != 3 || len(r.ports[hostB].queue) != backlog {
		t.Errorf("%d packets wait and %d are lost", len(r.ports[hostB].queue), r.overflow.Load())
	}
}

func TestSomePacketsAreLost(t *testing.T) {
	r := newStill(Weather{Loss: 0.5})
	for range 1000 {
		r.carry(hostA, hostB, ip(hostA, hostB, 1))
	}
	if n := r.lost.Load(); n < 350 || n > 650 {
		t.Errorf("of 1000 packets %d were lost, at a chance of a half", n)
	}
}

func TestWeatherIsTheSameForTheSameSeed(t *testing.T) {
	w := Weather{Delay: time.Millisecond, Jitter: time.Second}
	if w.at(1, hostA, hostB, time.Second) != w.at(1, hostA, hostB, time.Second+50*time.Millisecond) {
		t.Error("the delay changes within a spell")
	}
	if w.at(1, hostA, hostB, time.Second) == w.at(2, hostA, hostB, time.Second) || w.at(1, hostA, hostB, 0) == w.at(1, hostB, hostA, 0) {
		t.Error("two seeds, or two pairs, have the same delay")
	}
}

// A device that is closed ends the relay's goroutines.
func TestTheRelayEndsWithItsDevices(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r := newRelay(Weather{}, 1, []*host{{address: hostA, tun: read}})
	if _, err := write.Write(ip(hostB, hostB, 1)); err != nil { // to nobody
		t.Fatal(err)
	}
	write.Close()
	r.wait()
	read.Close()
}

func FuzzEnds(f *testing.F) {
	f.Add(ip(hostA, hostB, 1))
	f.Add([]byte{0x60})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		from, to, ok := ends(data)
		if !ok {
			return
		}
		a, b := from.As4(), to.As4()
		if !bytes.Equal(data[12:20], append(a[:], b[:]...)) {
			t.Errorf("%x is from %s to %s", data, from, to)
		}
	})
}
