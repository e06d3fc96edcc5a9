package room

import "time"

// A room can stand still: the clocks of its game stop, and go on from where they were. Everything
// else goes on: players are answered, notices repeated, those who are away awaited.

// stillness says why a room stands still. It does for as long as there is any reason.
type stillness uint8

const (
	deserted stillness = 1 << iota // nobody is connected, and somebody is awaited or severed
	tooSlow                        // a save takes long
	frozen                         // the room is being given away; it takes no messages either
	prepared                       // the room does not run yet
)

func (t *Table) halt(why stillness) {
	if t.still == 0 {
		t.stillSince = time.Now()
	}
	t.still |= why
}

func (t *Table) goOn(why stillness) {
	if t.still&why == 0 {
		return
	}
	t.still &^= why
	if t.still != 0 {
		return
	}
	stood := time.Since(t.stillSince)
	for _, timer := range t.timers {
		if timer.owner == ofGame && !timer.deadline.IsZero() {
			timer.deadline = timer.deadline.Add(stood)
		}
	}
}

// now is the time by the clocks of the game.
func (t *Table) now() time.Time {
	if t.still != 0 {
		return t.stillSince
	}
	return time.Now()
}

// lookForPlayers lets the room stand still while nobody is connected and somebody may come back.
func (t *Table) lookForPlayers() {
	expected := false
	for _, p := range t.present {
		if p.session != nil {
			t.goOn(deserted)
			return
		}
		expected = expected || p.expected()
	}
	if expected {
		t.halt(deserted)
	} else {
		t.goOn(deserted)
	}
}
