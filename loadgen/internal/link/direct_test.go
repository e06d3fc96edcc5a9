package link

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"croupier/servers/stack"
	"croupier/servers/wire"
)

// said is a message of a game server.
type said struct {
	op   wire.Command
	body wire.WithMeta
}

// player is a Handler that decodes what it is told.
type player struct {
	up   chan Link
	told chan said
	down chan error
}

func newPlayer() *player {
	return &player{up: make(chan Link, 1), told: make(chan said, 1000), down: make(chan error, 1)}
}

func (p *player) Up(l Link, _ time.Time) { p.up <- l }
func (p *player) Down(err error)         { p.down <- err }
func (p *player) Told(op wire.Command, payload []byte, _ time.Time) {
	body, err := wire.Decode(op, payload)
	if err != nil {
		panic(err)
	}
	p.told <- said{op, body}
}

// until waits for a message.
func (p *player) until(t *testing.T, is func(said) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case s := <-p.told:
			if is(s) {
				return
			}
		case err := <-p.down:
			t.Fatalf("the link ended: %v", err)
		case <-deadline:
			t.Fatal("it is not said")
		}
	}
}

func table(t *testing.T) *stack.Stack {
	t.Helper()
	s, err := stack.Start(stack.Config{Round: 300 * time.Millisecond, Idle: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func request(op wire.Command, body proto.Message) []byte {
	b, err := wire.Append(nil, op, body)
	if err != nil {
		panic(err)
	}
	return b
}

func sitDown(room int64) []byte {
	return request(wire.Command_SIT_DOWN, &wire.SitDown{Place: wire.Place{Game: "dice", Room: room, Seat: -1}.Map()})
}

// The two ways to play are one to a bot.
func TestSitShakeStand(t *testing.T) {
	s := table(t)
	for name, target := range map[string]Target{
		"direct": {Games: []string{s.Game}, Token: s.Token},
		"gate":   {Gates: []string{s.Gate}, Token: s.Token, Workers: nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlayer()
			target.Open(t.Context(), 7, 0, p)
			l := <-p.up
			send := func(m []byte) {
				t.Helper()
				if err := l.Send(m); err != nil {
					t.Fatal(err)
				}
			}
			for room := range int64(2) { // one after the other on the same link
				send(sitDown(room + 1))
				p.until(t, func(s said) bool {
					user, ok := s.body.(*wire.User)
					return ok && user.GetId() == 7 && user.GetMeta().GetEpoch() != 0
				})
				p.until(t, func(s said) bool { return s.op == wire.Command_DICE_START })
				send(request(wire.Command_DICE_SHAKE, &wire.Int32{}))
				p.until(t, func(s said) bool {
					shake, ok := s.body.(*wire.DiceShake)
					return ok && shake.GetPoints() > 0
				})
				before := l.Heard()
				if err := l.Ping(); err != nil {
					t.Error(err)
				}
				p.until(t, func(s said) bool { return s.op == wire.Command_DICE_SETTLEMENT })
				if !l.Heard().After(before) {
					t.Error("nothing is heard")
				}
				send(wire.AppendOpcode(nil, wire.Command_STAND_UP))
				p.until(t, func(s said) bool {
					who, ok := s.body.(*wire.Int64)
					return ok && s.op == wire.Command_STAND_UP && who.GetValue() == 7
				})
			}
			l.Close()
			if err := <-p.down; err == nil {
				t.Error("no reason")
			}
			l.Send(sitDown(1)) //nolint:errcheck // it must not panic or wait
			l.Ping()           //nolint:errcheck // as above
			l.Cut(true)
		})
	}
}

func TestDirectRequestsThatAreNone(t *testing.T) {
	s := table(t)
	p := newPlayer()
	Target{Games: []string{s.Game}}.Open(t.Context(), 7, 0, p)
	l := <-p.up
	for name, m := range map[string][]byte{
		"short":    {1, 2},
		"sit":      append(wire.AppendOpcode(nil, wire.Command_SIT_DOWN), 0xff),
		"no place": wire.AppendOpcode(nil, wire.Command_SIT_DOWN),
		"shake":    append(wire.AppendOpcode(nil, wire.Command_DICE_SHAKE), 0xff),
	} {
		if l.Send(m) == nil {
			t.Errorf("%s is sent", name)
		}
	}
	l.Cut(false)
	<-p.down
}

func TestDirectThatFails(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	silent := serve(t, func(conn net.Conn) { untilEnd(conn) }) //nolint:errcheck // the client goes
	for name, c := range map[string]struct {
		address string
		good    func(error) bool
	}{
		"closed":   {closed.Addr().String(), func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
		"silent":   {silent, func(err error) bool { return errors.Is(err, ErrSilent) }},
		"hangs up": {serve(t, func(net.Conn) {}), func(err error) bool { return !errors.Is(err, ErrEnded) }},
		"no gRPC": {serve(t, func(conn net.Conn) {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n") //nolint:errcheck // the client notices
			untilEnd(conn)                                           //nolint:errcheck // the client goes
		}), func(err error) bool { return !errors.Is(err, ErrEnded) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlayer()
			patience := 20 * time.Second
			if name == "silent" {
				patience = 500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			Target{Games: []string{c.address}}.Open(ctx, 7, 0, p)
			if err := <-p.down; err == nil || !c.good(err) {
				t.Error(err)
			}
		})
	}
}

func TestDirectCutAndRunEnds(t *testing.T) {
	s := table(t)
	for name, end := range map[string]func(Link, context.CancelFunc){
		"cut":   func(l Link, _ context.CancelFunc) { l.Cut(false) },
		"reset": func(l Link, _ context.CancelFunc) { l.Cut(true) },
		"end":   func(_ Link, over context.CancelFunc) { over() },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, over := context.WithCancel(t.Context())
			defer over()
			p := newPlayer()
			Target{Games: []string{s.Game}}.Open(ctx, 7, 0, p)
			l := <-p.up
			if err := l.Send(sitDown(1)); err != nil {
				t.Fatal(err)
			}
			p.until(t, func(s said) bool { return s.op == wire.Command_DICE_SCENE })
			end(l, over)
			if err := <-p.down; errors.Is(err, ErrEnded) != (name == "end") {
				t.Error(err)
			}
		})
	}
}

func TestTargetString(t *testing.T) {
	if s := (Target{Gates: []string{"ws://host:1"}}).String() + ", " + (Target{Games: []string{"host:2"}}).String(); s != "gate ws://host:1, game server host:2" {
		t.Error(s)
	}
	if s := (Target{Gates: []string{"ws://host:1/?token=secret"}}).String(); strings.Contains(s, "secret") {
		t.Errorf("a secret in messages: %s", s)
	}
}

// Users are spread over the addresses, and each goes on to the next one.
func TestSeveralAddresses(t *testing.T) {
	target := Target{Gates: []string{"ws://a:1", "ws://b:1", "ws://c:1/?token=x"}}
	if s := target.String(); s != "gates ws://a:1, ws://b:1, ws://c:1/" {
		t.Errorf("they are %s", s)
	}
	for user := int64(1); user < 7; user++ {
		seen := make(map[string]bool)
		for turn := range 3 {
			one := target.At(user, turn)
			if len(one.Gates) != 1 {
				t.Fatalf("user %d, turn %d: %v", user, turn, one)
			}
			seen[one.String()] = true
		}
		if len(seen) != 3 {
			t.Errorf("user %d goes to %v", user, seen)
		}
	}
	if target.At(1, 0).String() == target.At(2, 0).String() {
		t.Error("all begin with the same gate")
	}
	if one := (Target{Games: []string{"a:1"}}).At(5, 9); one.String() != "game server a:1" {
		t.Errorf("one of one is %v", one)
	}
}
