package link

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/servers/client"
	"croupier/servers/wire"
)

// directLink is a gRPC connection to a game server. It costs what a client of package client costs,
// which is fine for a look past the gate; thousands of players come through a gate.
type directLink struct {
	client *client.Client
	heard  atomic.Int64 // Unix time in nanoseconds
	work   sync.WaitGroup

	mu   sync.Mutex
	conn net.Conn

	numbering sync.Mutex
	numbers   [16][2]uint64 // of requests: the client's, the bot's
}

func (t Target) openDirect(ctx context.Context, user int64, turn int, h Handler) {
	l := &directLink{}
	began := time.Now()
	dial := t.Dial
	if dial == nil {
		dial = t.From.dial
	}
	var token client.TokenSource
	if t.Token != nil {
		token = func(context.Context) (string, error) { return t.Token(user) }
	}
	var dialed time.Time
	events := make(chan client.Event, 256)
	l.client = client.Start(client.Directs(t.Games, user, token).StartAt(turnOf(user, turn)), client.Options{
		NoReconnect: true, DialTimeout: timeout, KeepAlive: -1,
		Handler: func(e client.Event) {
			if m, ok := e.(client.Message); ok {
				l.heard.Store(m.At.UnixNano())
			}
			events <- e
		},
		NetDial: func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, err := dial(ctx, user, address)
			dialed = time.Now()
			l.mu.Lock()
			l.conn = conn
			l.mu.Unlock()
			return conn, err
		},
	})
	stop := context.AfterFunc(ctx, func() { l.Cut(true) })
	defer stop()
	up := false
	for e := range l.events(events) {
		switch e := e.(type) {
		case client.Connected:
			l.heard.Store(time.Now().UnixNano())
			up = true
			h.Up(l, dialed)
		case client.Message:
			l.renumber(e.Body.GetMeta())
			if payload, err := proto.Marshal(e.Body); err == nil {
				h.Told(e.Op, payload, e.At)
			}
		case client.Closed:
			l.work.Wait()
			err := silence(ctx, e.Err, began)
			if up && ctx.Err() != nil {
				err = ErrEnded
			}
			h.Down(err)
		}
	}
}

// events is what a client tells, up to and with its end.
func (l *directLink) events(from <-chan client.Event) func(yield func(client.Event) bool) {
	return func(yield func(client.Event) bool) {
		for e := range from {
			_, last := e.(client.Closed)
			if !yield(e) || last {
				return
			}
		}
	}
}

func (l *directLink) Heard() time.Time { return time.Unix(0, l.heard.Load()) }

// Send sends a message. Sitting down opens a stream, and its answer comes like every other.
func (l *directLink) Send(message []byte) error {
	op, payload, err := wire.Split(message)
	if err != nil {
		return err
	}
	if op == wire.Command_SIT_DOWN {
		return l.sit(payload)
	}
	body := blank(op)
	if err := proto.Unmarshal(payload, body); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	body.ProtoReflect().Clear(body.ProtoReflect().Descriptor().Fields().ByName("meta")) // the client has numbers of its own
	l.numbering.Lock()                                                                  // the answer may come at once
	defer l.numbering.Unlock()
	number, err := l.client.Send(op, body)
	l.numbers[number%uint64(len(l.numbers))] = [2]uint64{number, wire.RequestID(payload)}
	return err
}

// renumber puts the bot's number of a request in the place of the client's.
func (l *directLink) renumber(meta *wire.Meta) {
	if meta.GetRequest() == 0 {
		return
	}
	l.numbering.Lock()
	defer l.numbering.Unlock()
	if known := l.numbers[meta.Request%uint64(len(l.numbers))]; known[0] == meta.Request {
		meta.Request = known[1]
	} else {
		meta.Request = 0
	}
}

func (l *directLink) sit(payload []byte) error {
	var m wire.SitDown
	if err := proto.Unmarshal(payload, &m); err != nil {
		return fmt.Errorf("sit down: %w", err)
	}
	place, err := wire.ParsePlace(m.GetPlace())
	if err != nil {
		return err
	}
	l.work.Go(func() { // ends with the client
		to := client.Place{Game: place.Game, Room: place.Room, Seat: int32(place.Seat)}
		l.client.Sit(context.Background(), to) //nolint:errcheck // the answer is told as a message
	})
	return nil
}

// blank is an empty request of the type that goes with an opcode.
func blank(op wire.Command) proto.Message {
	switch op {
	case wire.Command_PING:
		return new(wire.Int64)
	case wire.Command_DICE_SHAKE, wire.Command_MOVE:
		return new(wire.Int32)
	}
	return new(wire.Empty)
}

func (l *directLink) Ping() error {
	_, err := l.client.Send(wire.Command_PING, &wire.Int64{Value: 1})
	return err
}

func (l *directLink) Cut(reset bool) {
	l.mu.Lock()
	if l.conn != nil {
		if tcp, ok := l.conn.(*net.TCPConn); ok && reset {
			tcp.SetLinger(0) //nolint:errcheck // the connection ends in any case
		}
		l.conn.Close()
	}
	l.mu.Unlock()
	l.Close() // who is at no table does not notice that the connection is gone
}

func (l *directLink) Close() {
	l.client.Close(ended) //nolint:errcheck // Down tells of its end
}

// ended is a context for acts that must not wait.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
