package oracle

import "slices"

// seats is who sits where, as far as that was seen.
type seats []struct {
	user int64
	seat int32
}

// compareSeat takes that a user is in a seat.
func (l *life) compareSeat(e *Event) {
	if e.Seat < 0 {
		return // a spectator
	}
	l.room.checked(Seat)
	for i := range l.seats {
		s := &l.seats[i]
		switch {
		case s.user == e.User && s.seat == e.Seat:
			return
		case s.user == e.User:
			l.room.violate(Seat, "user %d was in seat %d, did not leave, and is in seat %d", e.User, s.seat, e.Seat)
			s.seat = e.Seat
			return
		case s.seat == e.Seat:
			l.room.violate(Seat, "user %d is in seat %d, which user %d had and did not leave", e.User, e.Seat, s.user)
			s.user = e.User
			return
		}
	}
	l.seats = append(l.seats, struct {
		user int64
		seat int32
	}{e.User, e.Seat})
}

// stand follows a user who leaves.
func (l *life) stand(e *Event) {
	if g := &l.game; g.known && g.running {
		if _, rolled := g.find(e.User); rolled {
			l.room.violate(Seat, "user %d rolled in round %d and lost the seat before it was settled", e.User, g.number)
		}
	}
	l.seats = slices.DeleteFunc(l.seats, func(s struct {
		user int64
		seat int32
	}) bool {
		return s.user == e.User
	})
}
