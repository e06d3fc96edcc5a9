package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"croupier/loadgen/result"
)

// sweepLimit is how long rooms may go on after the last player has got up: a round, its settlement
// and the seats that are kept for those who went offline.
const sweepLimit = 30 * time.Second

// swept checks that nothing is left in the directory, now that everybody has got up: no room, and no
// claim of a player on a seat.
func (h *house) swept(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, h.Round+h.Idle+sweepLimit)
	defer cancel()
	var seen []string // when the directory answered last
	for {
		left, err := h.left(ctx)
		if err == nil {
			seen = left
		}
		if err == nil && len(left) == 0 {
			h.journal.say("nothing is left in the directory")
			return
		}
		select {
		case <-ctx.Done():
			h.fault(fmt.Errorf("everybody has got up, and in the directory there are still %s: %w", strings.Join(seen, ", "), errors.Join(err, ctx.Err())))
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// left is what the directory holds: of each bucket a few keys, with the times at which they were
// written.
func (h *house) left(ctx context.Context) ([]string, error) {
	conn, err := nats.Connect("nats://"+h.hosts[store].at(natsPort), nats.Token(h.secret), nats.SetCustomDialer(hostDialer{h}))
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	defer conn.Close()
	stream, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	var left []string
	for _, name := range []string{"croupier_rooms", "croupier_players"} {
		bucket, err := stream.KeyValue(ctx, name)
		if err != nil {
			return left, fmt.Errorf("open the bucket %s: %w", name, err)
		}
		list, err := bucket.ListKeys(ctx)
		if err != nil {
			return left, fmt.Errorf("list the bucket %s: %w", name, err)
		}
		var keys []string
		for key := range list.Keys() {
			if len(keys) < 5 {
				if entry, err := bucket.Get(ctx, key); err == nil {
					key += fmt.Sprintf(" of %.3f s", h.journal.at(entry.Created()).Seconds())
				}
			}
			keys = append(keys, key)
		}
		if len(keys) > 0 {
			left = append(left, fmt.Sprintf("%d %s (%s)", len(keys), name, strings.Join(keys[:min(5, len(keys))], ", ")))
		}
	}
	return left, nil
}

// hostDialer connects from the store's own network.
type hostDialer struct{ *house }

func (d hostDialer) Dial(network, address string) (net.Conn, error) {
	return d.dialFor(context.Background(), network, address)
}

func readResult(file string) (*result.Run, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return result.Read(f)
}
