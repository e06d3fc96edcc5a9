package room

import "time"

// Warn tells everyone in the room, now and every so often, that it will be closed. The room closes
// as soon as nobody is in it. every 0: only now. A later call takes the place of an earlier one, of
// Foretell too.
func (r *Room) Warn(text string, every time.Duration) {
	r.do(func(t *Table) {
		t.closeEmpty = true
		t.startNotices(t.encode.Closing(text), every)
	})
}

// Foretell tells everyone in the room, now and every so often, that it will move to another server.
// every 0: only now. A later call takes the place of an earlier one, of Warn too.
func (r *Room) Foretell(text string, every time.Duration) {
	r.do(func(t *Table) {
		t.closeEmpty = false
		t.startNotices(t.encode.Moving(text), every)
	})
}

// startNotices repeats a notice to everyone in the room, in place of an earlier one.
func (t *Table) startNotices(m Message, every time.Duration) {
	if t.notices == nil {
		t.notices = t.newTimer(ofService, nil)
	}
	t.notices.do = func() {
		for _, p := range t.present {
			t.Tell(p, m, 0)
		}
		if every > 0 {
			t.notices.Reset(every)
		}
	}
	t.notices.Reset(0)
}
