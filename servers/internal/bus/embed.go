package bus

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// An Embedded is a NATS server with JetStream in this process, on loopback. Whoever connects needs its token.
type Embedded struct {
	server *server.Server
	url    string
	temp   string // its directory, where it was made for it
	close  sync.Once
}

// SyncInterval is how often the embedded server's files are synced to the disk. A message is acknowledged when it was given to the
// operating system: it outlives a kill of this process, and the last seconds of it do not outlive a loss of power. NATS's own
// default is two minutes; syncing before every acknowledgement costs a disk's latency for every save of every room.
// Where that is not enough: a cluster of three servers in three places, and replicas 3 (still synced late, but in three places);
// or sync_interval: always in the NATS server's configuration.
const SyncInterval = 2 * time.Second

// Embed starts one, on a free port. storeDir keeps JetStream's files: a later Embed of the same directory finds what was stored.
// "" is a temporary directory (in memory, where the system has /dev/shm), removed by Close.
func Embed(storeDir string) (*Embedded, error) { return embed(storeDir, -1, rand.Text()) }

// EmbedAt is Embed with a fixed port and token, so that a restarted server is found again at the same URL.
func EmbedAt(storeDir string, port int, token string) (*Embedded, error) {
	return embed(storeDir, port, token)
}

func embed(storeDir string, port int, token string) (*Embedded, error) {
	e := &Embedded{}
	if storeDir == "" {
		parent := "/dev/shm"
		if info, err := os.Stat(parent); err != nil || !info.IsDir() {
			parent = ""
		}
		dir, err := os.MkdirTemp(parent, "croupier-nats-")
		if err != nil {
			if dir, err = os.MkdirTemp("", "croupier-nats-"); err != nil {
				return nil, fmt.Errorf("start the embedded NATS server: %w", err)
			}
		}
		e.temp, storeDir = dir, dir
	} else if err := os.MkdirAll(storeDir, 0o700); err != nil {
		return nil, fmt.Errorf("start the embedded NATS server: %w", err)
	}
	s, err := server.NewServer(&server.Options{
		ServerName:         "croupier-embedded",
		Host:               "127.0.0.1",
		Port:               port,
		Authorization:      token,
		JetStream:          true,
		StoreDir:           storeDir,
		JetStreamMaxMemory: 256 << 20,
		JetStreamMaxStore:  4 << 30,
		SyncInterval:       SyncInterval,
		NoSigs:             true,
		NoLog:              true,
		NoSystemAccount:    true,
		MaxPayload:         1 << 20,
		WriteDeadline:      5 * time.Second,
	})
	if err != nil {
		e.clean()
		return nil, fmt.Errorf("start the embedded NATS server: %w", err)
	}
	e.server = s
	s.Start()
	if !s.ReadyForConnections(10*time.Second) || !s.JetStreamEnabled() {
		e.Close()
		return nil, errors.New("start the embedded NATS server: it was not ready in 10 s; is its directory writable, and its port free?")
	}
	addr := s.Addr().(*net.TCPAddr)
	u := url.URL{Scheme: "nats", User: url.User(token), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(addr.Port))}
	e.url = u.String()
	return e, nil
}

// URL is what Dial takes; it contains the server's token.
func (e *Embedded) URL() string { return e.url }

// Close stops the server and waits for its end.
func (e *Embedded) Close() {
	e.close.Do(func() {
		if e.server != nil {
			e.server.Shutdown()
			e.server.WaitForShutdown()
		}
		e.clean()
	})
}

func (e *Embedded) clean() {
	if e.temp != "" {
		_ = os.RemoveAll(e.temp) // what is left is a temporary file
	}
}
