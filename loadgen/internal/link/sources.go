package link

import (
	"context"
	"net"
	"net/netip"
	"syscall"
)

// Dial makes the network connection of a user's bot.
type Dial func(ctx context.Context, user int64, address string) (net.Conn, error)

// Sources is how many addresses of 127.0.0.0/8 to connect from, to a server on this machine: one
// address has some 28,000 ports to one server. 0 and 1: whatever the system takes.
type Sources int

// MostSources is how many there can be.
const MostSources = 250 * 250

// address is where a user's bot connects from; invalid: wherever.
func (s Sources) address(user int64) netip.Addr {
	if s <= 1 {
		return netip.Addr{}
	}
	n := uint64(user) % uint64(s)
	return netip.AddrFrom4([4]byte{127, byte(1 + n/250/250), byte(n / 250 % 250), byte(1 + n%250)})
}

// dial is the Dial of TCP.
func (s Sources) dial(ctx context.Context, user int64, address string) (net.Conn, error) {
	var d net.Dialer
	if from := s.address(user); from.IsValid() && loopback(address) {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		d.Control = func(_, _ string, c syscall.RawConn) error {
			return c.Control(choosePortLate)
		}
	}
	d.KeepAlive = -1 // bots look after silent connections themselves
	return d.DialContext(ctx, "tcp", address)
}

// loopback says whether an address is one of this machine's 127.0.0.0/8.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Is4() && ip.IsLoopback() || host == "localhost"
}
