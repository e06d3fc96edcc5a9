package gameserver

import (
	"errors"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/room"
	"croupier/servers/wire"
)

// member is a session of this server, however it came here.
type member interface {
	room.Session
	link() *link
	// placed tells which room the member is about to enter.
	placed(b *berth)
	// send tells where the member's way goes on, without another word.
	send(to redirect)
	// elsewhere tells that this server can't take the member, and another one may.
	elsewhere(why error)
	// back returns a message that was not handled, after send.
	back(raw []byte, again bool)
}

// mostEarly is how many messages wait for a member who is on the way into a room. A further one is
// refused.
const mostEarly = 64

// link is a member's way to the room. The member's reader goes by it; who brings the member into a
// room, or into the next one, sets it.
type link struct {
	berth  atomic.Pointer[berth] // where messages go; nil: on the way
	speaks atomic.Pointer[berth] // whose messages the member gets; it is set before the room knows the member
	loss   atomic.Uint32         // a loss; set under mu
	// version is the server's, until the member was told.
	version atomic.Pointer[string]
	// full is what happens where a room has no seat for a member who takes nothing else. Such a one is
	// told of the room with its first message: unplaced is true until then.
	full     func()
	unplaced atomic.Bool

	mu    sync.Mutex
	early []inbound // what the member said on the way
	gone  bool      // sent elsewhere: there is no more way from here
}

// loss is how a session ended.
type loss uint32

const (
	present loss = iota
	left         // the player, or the player's connection
	severed      // the gate, with all who came through it
)

// inbound is a message of a member. Of a direct one raw is nil.
type inbound struct {
	op    wire.Command
	body  []byte
	raw   []byte // opcode and body
	again bool   // another server may have handled it
}

func (in inbound) input() room.Input {
	return room.Input{Request: wire.RequestID(in.body), Again: in.again, Raw: in.raw}
}

// hello is what a message to the member says about server and room, once. A load is what all
// further messages pay for it.
func (l *link) hello() (version string, number int64) {
	if l.version.Load() == nil {
		return "", 0
	}
	b := l.speaks.Load()
	if b == nil {
		return "", 0 // an error from outside of a room
	}
	if told := l.version.Swap(nil); told != nil {
		return *told, b.at.id
	}
	return "", 0
}

// keep holds a message of a member who is on the way. kept is false where there is nothing to wait
// for any more.
func (l *link) keep(in inbound) (kept bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.gone || l.berth.Load() != nil:
		return false, nil
	case len(l.early) >= mostEarly:
		return true, room.ErrBusy
	}
	l.early = append(l.early, in)
	return true, nil
}

// wait takes the member out of a room that has ended, or has no seat: what is said from now on waits.
func (l *link) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.berth.Store(nil)
}

// leave ends the way from here. It returns what was said on it, and what is said from now on comes
// back at once: tell is called in between.
func (l *link) leave(tell func()) (unheard []inbound) {
	l.mu.Lock()
	defer l.mu.Unlock()
	unheard, l.early = l.early, nil
	tell()
	l.gone = true
	return unheard
}

// over says that the member was sent elsewhere before they were in a room.
func (l *link) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// enter brings a member into a room by way of in, and hands on what they said meanwhile. Who is lost
// before is not brought in, and who is lost after leaves. An error other than errLeft is
// room.ErrClosed.
func (s *Server) enter(m member, b *berth, in func() error) error {
	l := m.link()
	l.mu.Lock()
	if loss(l.loss.Load()) != present { // who comes late must not take the place of who came after
		l.mu.Unlock()
		b.room.Forgo(m.User()) // it may have been opened, and claimed, for who has left since
		return errLeft
	}
	l.speaks.Store(b)
	if !l.unplaced.Load() {
		m.placed(b)
	}
	if err := in(); err != nil {
		l.mu.Unlock()
		return err
	}
	early := l.early
	l.early = nil
	for len(early) > 0 && s.hand(m, b, early[0]) {
		early = early[1:]
	}
	l.berth.Store(b)
	l.mu.Unlock()
	for _, said := range early { // the room has ended meanwhile: they go where the member goes
		s.dispatch(m, said)
	}
	return nil
}

// lose tells the member's room that the session is gone.
func (s *Server) lose(m member, how loss) {
	l := m.link()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loss.CompareAndSwap(uint32(present), uint32(how)) {
		return
	}
	b := l.berth.Load()
	switch {
	case b == nil:
	case how == severed:
		b.room.Sever(m)
	default:
		b.room.Leave(m)
	}
}

// dispatch hands a player's message to the player's room, now or when they are in one.
func (s *Server) dispatch(m member, in inbound) {
	l := m.link()
	for {
		b := l.berth.Load()
		if b == nil {
			kept, err := l.keep(in)
			switch {
			case err != nil:
				s.refuse(m, err, wire.RequestID(in.body))
				return
			case kept:
				return
			case l.over():
				m.back(in.raw, in.again)
				return
			}
			continue
		}
		if s.hand(m, b, in) {
			return
		}
		// The room has ended, and told its players. Who came too late to enter it goes on in the next
		// room, and so does what that player said meanwhile.
		<-b.room.Done()
		if b.next.Load() != nil {
			m.back(in.raw, in.again)
			return
		}
		if l.berth.Load() == b {
			return
		}
	}
}

// hand gives a message to a room. False: the room has ended.
func (s *Server) hand(m member, b *berth, in inbound) bool {
	r := b.room
	var err error
	switch in.op {
	case wire.Command_SIT_DOWN:
		err = s.sitAgain(m, b, in)
	case wire.Command_STAND_UP:
		err = r.Stand(m, in.input())
	case wire.Command_PRINT:
		err = r.Print(m, in.input())
	case wire.Command_PING:
		var ping wire.Int64
		if err = decode(in.body, &ping); err == nil {
			err = r.Echo(m, uint32(in.op), wire.MustMarshal(&wire.Int64{Value: ping.GetValue()}), in.input())
		}
	case wire.Command_MOVE:
		var to wire.Int32
		if err = decode(in.body, &to); err == nil {
			err = r.Change(m, int(to.GetValue()), in.input())
		}
	case wire.Command_ERROR, wire.Command_DISCONNECT, wire.Command_ONLINE, wire.Command_NOTICE:
		err = room.Refuse(room.CodeUnknownCommand, "unknown command")
	default:
		err = r.Play(m, uint32(in.op), in.body, in.input())
	}
	if errors.Is(err, room.ErrClosed) {
		return false
	}
	if err != nil {
		s.refuse(m, err, wire.RequestID(in.body))
	}
	return true
}

// sitAgain lets a member of a room sit down in that room once more: a spectator who wants a seat,
// or one who wants to see the scene again. A member never changes rooms.
func (s *Server) sitAgain(m member, b *berth, in inbound) error {
	var sit wire.SitDown
	if err := decode(in.body, &sit); err != nil {
		return err
	}
	to, err := wire.ParsePlace(sit.GetPlace())
	if err != nil {
		return room.Refuse(room.CodeFail, err.Error())
	}
	if to.Game != b.at.game || to.Room != 0 && to.Room != b.at.id {
		return room.Refuse(room.CodeStatusMismatch, "this connection leads to another room: open a new one")
	}
	return b.room.Move(m, to.Seat, in.input())
}

func decode(body []byte, into proto.Message) error {
	if err := proto.Unmarshal(body, into); err != nil {
		return &room.Refusal{Code: room.CodeFail, Reason: "malformed message", Detail: err.Error()}
	}
	return nil
}
