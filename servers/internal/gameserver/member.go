package gameserver

import (
	"errors"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"croupier/servers/internal/room"
	"croupier/servers/wire"
)

// member is a session of this server, however it came here.
type member interface {
	room.Session
	link() *link
}

// link is a member's room. The member's reader goes by it; a room that closes while the member
// enters moves it to the next room.
type link struct {
	at   place // never changes
	room atomic.Pointer[room.Room]
	lost atomic.Bool
	// version is the server's, until the member was told.
	version atomic.Pointer[string]
}

// hello is what a message to the member says about the server: its version, once. A load is what
// all further messages pay for it.
func (l *link) hello() string {
	if l.version.Load() == nil {
		return ""
	}
	if version := l.version.Swap(nil); version != nil {
		return *version
	}
	return ""
}

// aim points the link at a room before the room is entered, so that what the player sends next
// goes there.
func (l *link) aim(r *room.Room) { l.room.Store(r) }

// settle completes an entry: a member who was lost meanwhile leaves.
func (l *link) settle(r *room.Room, m member) {
	if l.lost.Load() {
		r.Leave(m)
	}
}

// lose tells the member's room that the session is gone. Whichever of lose and settle comes last
// sees what the other has stored, so a lost member never stays.
func (l *link) lose(m member) {
	l.lost.Store(true)
	if r := l.room.Load(); r != nil {
		r.Leave(m)
	}
}

// dispatch hands a player's message to the player's room.
func (s *Server) dispatch(m member, op wire.Command, body []byte) {
	r := m.link().room.Load()
	if r == nil {
		return
	}
	request := wire.RequestID(body)
	var err error
	switch op {
	case wire.Command_SIT_DOWN:
		err = s.sitAgain(m, r, body, request)
	case wire.Command_STAND_UP:
		err = r.Stand(m, request)
	case wire.Command_PRINT:
		err = r.Print(m, request)
	case wire.Command_PING:
		var ping wire.Int64
		if err = decode(body, &ping); err == nil {
			err = r.Echo(m, uint32(op), wire.MustMarshal(&wire.Int64{Value: ping.GetValue()}), request)
		}
	case wire.Command_ERROR, wire.Command_DISCONNECT, wire.Command_ONLINE, wire.Command_NOTICE:
		err = room.Refuse(room.CodeUnknownCommand, "unknown command")
	default:
		err = r.Play(m, uint32(op), body, request)
	}
	switch {
	case errors.Is(err, room.ErrClosed):
		// It has told its players. Only who came too late to enter it goes on, in the next room, and so
		// does what that player said meanwhile.
		<-r.Done()
		if m.link().room.Load() != r {
			s.dispatch(m, op, body)
		}
	case err != nil:
		s.refuse(m, err, request)
	}
}

// sitAgain lets a member of a room sit down in that room once more: a spectator who wants a seat,
// or one who wants to see the scene again. A member never changes rooms.
func (s *Server) sitAgain(m member, r *room.Room, body []byte, request uint64) error {
	var sit wire.SitDown
	if err := decode(body, &sit); err != nil {
		return err
	}
	to, err := wire.ParsePlace(sit.GetPlace())
	if err != nil {
		return room.Refuse(room.CodeFail, err.Error())
	}
	if at := m.link().at; to.Game != at.game || to.Room != at.id {
		return room.Refuse(room.CodeStatusMismatch, "this connection leads to another room: open a new one")
	}
	return r.Move(m, to.Seat, request)
}

func decode(body []byte, into proto.Message) error {
	if err := proto.Unmarshal(body, into); err != nil {
		return &room.Refusal{Code: room.CodeFail, Reason: "malformed message", Detail: err.Error()}
	}
	return nil
}
