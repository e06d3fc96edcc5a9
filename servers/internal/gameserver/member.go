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
	room atomic.Pointer[room.Room]
	lost atomic.Bool
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
		var sit wire.SitDown
		if err = proto.Unmarshal(body, &sit); err == nil {
			var to wire.Place
			if to, err = wire.ParsePlace(sit.GetPlace()); err == nil {
				err = r.Enter(m, to.Seat, request)
			}
		}
	case wire.Command_STAND_UP:
		err = r.Stand(m, request)
	case wire.Command_PRINT:
		err = r.Print(m, request)
	case wire.Command_PING:
		var ping wire.Int64
		if err = proto.Unmarshal(body, &ping); err == nil {
			err = r.Echo(m, uint32(op), wire.MustMarshal(&wire.Int64{Value: ping.GetValue()}), request)
		}
	case wire.Command_ERROR, wire.Command_DISCONNECT, wire.Command_ONLINE, wire.Command_NOTICE:
		err = room.Refuse(room.CodeUnknownCommand, "unknown command")
	default:
		err = r.Play(m, uint32(op), body, request)
	}
	if err != nil && !errors.Is(err, room.ErrClosed) { // a closed room has told its players
		s.refuse(m, err, request)
	}
}
