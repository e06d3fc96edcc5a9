package directory

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Three NATS servers keep three copies. One after the other is stopped, among them whoever leads the streams: saves go on
// through every change of leader, and none is lost.
func TestClusterChangesLeaders(t *testing.T) {
	c := newCluster(t)
	var store Store
	conn := dial(t, c.urls)
	until(t, "the cluster to make the streams", func() bool {
		var err error
		store, err = OpenNATS(soon(t), conn, 3)
		return err == nil
	})
	a := join(t, store, "a", "a:1")
	b := join(t, openAt3(t, dial(t, c.urls)), "b", "b:1")
	var savers []*saver
	for i := range 10 {
		ten, err := a.Claim(soon(t), dice(int64(i)), 0, []byte("0"))
		if err != nil {
			t.Fatal(err)
		}
		savers = append(savers, startSaver(ten))
	}
	for i := range c.servers {
		c.stop(i)
		marks := make([]int64, len(savers))
		for k, s := range savers {
			marks[k] = s.acked.Load()
		}
		until(t, "saves to go on with two servers", func() bool {
			for k, s := range savers {
				if s.lost.Load() == nil && s.acked.Load() < marks[k]+3 {
					return false
				}
			}
			return true
		})
		c.start(t, i)
		until(t, "the server to catch up", c.servers[i].JetStreamIsCurrent)
	}
	for _, s := range savers {
		s.stop.Store(true)
	}
	for _, s := range savers {
		<-s.over
		if err := s.lost.Load(); err != nil {
			t.Errorf("room %d: %v", s.key.Room, *err)
			continue
		}
		entry, err := latest(t, b, s.key)
		if err != nil || string(entry.Snapshot) != fmt.Sprint(s.acked.Load()) || s.twice.Load() {
			t.Errorf("room %d: acknowledged %d, entry %+v %v, twice %v", s.key.Room, s.acked.Load(), entry, err, s.twice.Load())
		}
	}
}

func openAt3(t *testing.T, conn *nats.Conn) Store {
	t.Helper()
	store, err := OpenNATS(soon(t), conn, 3)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

type cluster struct {
	servers [3]*server.Server
	options [3]server.Options
	urls    string
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{}
	var routes []*url.URL
	var ports []int
	var held []net.Listener // until all are found, so that they differ
	for range 6 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, listener)
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	for _, listener := range held {
		listener.Close()
	}
	var urls []string
	for i := range c.servers {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", ports[i])})
		urls = append(urls, fmt.Sprintf("nats://secret@127.0.0.1:%d", ports[3+i]))
	}
	c.urls = strings.Join(urls, ",")
	for i := range c.servers {
		c.options[i] = server.Options{
			ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: ports[3+i], Authorization: "secret",
			Cluster:   server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]},
			Routes:    routes,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30,
			NoSigs: true, NoLog: true,
		}
	}
	return c.open(t)
}

func (c *cluster) open(t *testing.T) *cluster {
	t.Cleanup(func() {
		for i := range c.servers {
			c.stop(i)
		}
	})
	for i := range c.servers {
		c.start(t, i)
	}
	until(t, "the cluster to have a leader", func() bool {
		for _, s := range c.servers {
			if s.JetStreamIsLeader() {
				return true
			}
		}
		return false
	})
	return c
}

func (c *cluster) start(t *testing.T, i int) {
	t.Helper()
	options := c.options[i].Clone()
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	c.servers[i] = s
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("a NATS server is not ready")
	}
}

func (c *cluster) stop(i int) {
	if s := c.servers[i]; s != nil {
		s.Shutdown()
		s.WaitForShutdown()
	}
}
