package link

import (
	"net"
	"strings"
	"sync"
	"testing"
)

func TestSources(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[string]int)
	address := serve(t, func(conn net.Conn) {
		host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
		mu.Lock()
		defer mu.Unlock()
		seen[host]++
	})
	port := address[strings.LastIndex(address, ":"):]
	for _, to := range []string{address, "localhost" + port} {
		mu.Lock()
		clear(seen)
		mu.Unlock()
		for user := range int64(600) {
			conn, err := Sources(300).dial(t.Context(), user, to)
			if err != nil {
				t.Fatal(err)
			}
			untilEnd(conn) //nolint:errcheck // the server has noted it
			conn.Close()
		}
		mu.Lock()
		if len(seen) != 300 {
			t.Errorf("%s: 300 sources are %d addresses", to, len(seen))
		}
		for host, n := range seen {
			if ip := net.ParseIP(host).To4(); ip == nil || !ip.IsLoopback() || n != 2 {
				t.Errorf("%s: %d connections from %s", to, n, host)
			}
		}
		mu.Unlock()
	}
	mu.Lock()
	clear(seen)
	mu.Unlock()
	for _, sources := range []Sources{0, 1} {
		conn, err := sources.dial(t.Context(), 99, address)
		if err != nil {
			t.Fatal(err)
		}
		untilEnd(conn) //nolint:errcheck // the server has noted it
		conn.Close()
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 1 || seen["127.0.0.1"] != 2 {
		t.Errorf("one source is %v", seen)
	}
}

func TestSourcesToOtherMachines(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.8.9.1:80": true, "localhost:80": true,
		"[::1]:80": false, "192.0.2.1:80": false, "example.com:80": false, "nonsense": false,
	} {
		if loopback(address) != want {
			t.Errorf("%s: on this machine: %v", address, !want)
		}
	}
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Logf("no IPv6 here: %v", err)
		return
	}
	address := serveOn(t, l, func(net.Conn) {})
	conn, err := Sources(300).dial(t.Context(), 5, address)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestEverySourceIsAnAddress(t *testing.T) {
	seen := make(map[string]bool, MostSources)
	for user := range int64(MostSources) {
		ip := Sources(MostSources).address(user)
		b := ip.As4()
		if b[0] != 127 || b[3] == 0 || b[3] == 255 || seen[ip.String()] {
			t.Fatalf("user %d comes from %v", user, ip)
		}
		seen[ip.String()] = true
	}
	if (Sources(7).address(-1) == Sources(1).address(0)) || !Sources(7).address(-1).IsLoopback() {
		t.Error("a negative user has no address")
	}
}
