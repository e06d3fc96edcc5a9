package room

// Change asks to change places: to a free seat, or with Spectating to the bench. Who has a seat may
// leave it only where the game would let them leave the room, so whoever changes seats takes no part
// in what is being played along. Everyone is told, then Game.Enter is called. ErrBusy, ErrClosed.
func (r *Room) Change(s Session, seat int, in Input) error {
	return r.box.put(message{kind: change, session: s, seat: int32(seat), in: in})
}

func (t *Table) changePlace(p *Player, want int, request uint64) error {
	if err := t.mayChange(p, want); err != nil {
		return err
	}
	t.place(p, want)
	user := t.encode.User(p.id, p.seat, true)
	t.Announce(Event{Message: user, Own: p, OwnView: user, Request: request})
	t.game.Enter(t, p)
	return nil
}

// mayChange refuses what can't be, with the next step.
func (t *Table) mayChange(p *Player, want int) error {
	switch {
	case want == p.seat && want == Spectating:
		return Refuse(CodeStatusMismatch, "you are on the spectators' bench already: ask for a seat from 0")
	case want == p.seat:
		return Refuse(CodeStatusMismatch, "you sit in this seat already: ask for another one, or for -1, the spectators' bench")
	case want == Spectating && t.benchFull():
		return Refuse(CodeFail, "the spectators' bench is full: keep the seat, or stand up to leave the room")
	case want != Spectating && (want < 0 || want >= len(t.seats)):
		return &Refusal{Code: CodeFail, Reason: "there is no such seat", Detail: "seats count from 0; -1 is the spectators' bench"}
	case want != Spectating && t.seats[want] != nil:
		return Refuse(CodeStatusMismatch, "the seat is taken: ask for another one")
	case p.Seated() && !t.game.MayLeave(t, p):
		return Refuse(CodeStatusMismatch, "you take part in what is being played: ask again when it is over")
	}
	return nil
}
