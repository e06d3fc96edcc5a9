package room

// LetGo takes a user out who wants to sit elsewhere, if the game allows it; an older connection is
// told that it was replaced. answer is called once, at once or on the room's goroutine, when that is
// stored: bound says that the user keeps the place here. Where the room has moved or is lost
// meanwhile, the user is said to be bound to it.
func (r *Room) LetGo(user int64, answer func(bound bool)) {
	err := r.box.put(message{kind: letGo, errand: &errand{user: user, answer: answer}})
	if err != nil {
		answer(r.goesOn.Load())
	}
}

func (t *Table) letGo(user int64, answer func(bound bool)) {
	p := t.Player(user)
	if p != nil && !t.game.MayLeave(t, p) {
		answer(true)
		return
	}
	if p != nil {
		t.change()
		t.Tell(p, t.encode.Disconnected(Replaced), 0)
		t.part(p, Replaced)
		t.remove(p, 0)
	}
	if t.dirty() { // where the user is out already, that may not be stored yet
		t.hold(held{kind: heldAnswer, answer: answer})
		return
	}
	answer(false)
}

// Forgo tells that a user who was to enter does not come. Unless the user is in the room otherwise, or
// wants in, Config.Gone is called, and a room in which nobody is ends: it would wait for others for ever.
func (r *Room) Forgo(user int64) {
	r.do(func(t *Table) {
		if t.Player(user) == nil && !t.expects(user) {
			t.turnedAway(user)
		}
	})
}
