package oracle

import "slices"

// seats is who sits where, as far as that was seen.
type seats []seated

type seated struct {
	user int64
	seat int32
}

// compareSeat takes that a user is in a seat.
func (l *life) compareSeat(e *record) {
	l.room.checked(Seat)
	for i := range l.seats {
		s := &l.seats[i]
		switch {
		case s.user == e.user && e.value < 0:
			l.room.violate(Seat, about{user: e.user}, "user %d was in seat %d, did not leave, and has none", e.user, s.seat)
			l.seats = slices.Delete(l.seats, i, i+1)
			return
		case s.user == e.user && s.seat == e.value:
			return
		case s.user == e.user:
			l.room.violate(Seat, about{user: e.user}, "user %d was in seat %d, did not leave, and is in seat %d", e.user, s.seat, e.value)
			s.seat = e.value
			return
		case s.seat == e.value:
			l.room.violate(Seat, about{user: e.user, other: s.user}, "user %d is in seat %d, which user %d had and did not leave", e.user, e.value, s.user)
			s.user = e.user
			return
		}
	}
	if e.value < 0 || len(l.seats) == mostUsers {
		return
	}
	l.seats = append(l.seats, seated{e.user, e.value})
}

// changeSeat follows a user who comes, or who goes to another seat or to the bench. Who has rolled does not.
func (l *life) changeSeat(e *record) {
	i := slices.IndexFunc(l.seats, func(s seated) bool { return s.user == e.user })
	if i < 0 || l.seats[i].seat == e.value {
		l.compareSeat(e)
		return
	}
	if _, rolled := l.game.find(e.user); rolled && l.game.known && l.game.running {
		l.room.violate(Seat, about{user: e.user, round: l.game.number}, "user %d rolled in round %d in seat %d, and left it before the round was settled", e.user, l.game.number, l.seats[i].seat)
	}
	l.seats = slices.Delete(l.seats, i, i+1)
	l.compareSeat(e)
}

// stand follows a user who leaves.
func (l *life) stand(e *record) {
	if g := &l.game; g.known && g.running {
		if _, rolled := g.find(e.user); rolled {
			l.room.violate(Seat, about{user: e.user, round: g.number}, "user %d rolled in round %d and lost the seat before it was settled", e.user, g.number)
		}
	}
	l.seats = slices.DeleteFunc(l.seats, func(s seated) bool { return s.user == e.user })
}
