package cmdline

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"croupier/servers/internal/bus"
)

// Listen listens at the address that the flag of that name gives.
func Listen(flag, address string) (net.Listener, error) {
	if _, port, err := net.SplitHostPort(address); err != nil || !isPort(port) {
		return nil, Misuse("--%s %q: write HOST:PORT, or :PORT for all addresses of this host", flag, address)
	}
	listener, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("--%s %s: another process listens there: stop it, or give another address", flag, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("--%s %s: this host does not have that address: give one of its own, or :PORT for all", flag, address)
	case err != nil:
		return nil, fmt.Errorf("--%s %s: %w", flag, address, err)
	}
	return listener, nil
}

// CheckAddress refuses what others cannot connect to, for the flag of that name.
func CheckAddress(flag, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "0" || !isPort(port) {
		return Misuse("--%s %q: write HOST:PORT, for example 127.0.0.1:60001", flag, address)
	}
	return nil
}

func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// schemes are those that NATS is reached by; a URL without one is nats://.
var schemes = []string{"nats", "tls", "ws", "wss"}

// CheckNATS refuses what cannot be URLs of NATS servers, separated by commas. The error names
// nothing secret.
func CheckNATS(urls string) error {
	if urls == "" {
		return nil
	}
	for one := range strings.SplitSeq(urls, ",") {
		one = strings.TrimSpace(one)
		if !strings.Contains(one, "://") {
			one = "nats://" + one
		}
		if u, err := url.Parse(one); err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
			return Misuse("--nats or NATS_URL: %q is no URL of a NATS server: write nats://HOST:4222", bus.Redact(one))
		}
	}
	return nil
}
