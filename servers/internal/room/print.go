package room

import "strconv"

// describe is the room's state as text, for a player: hidden things stay hidden. It is on the
// path of the published benchmark, hence appends and not fmt.
func (t *Table) describe() string {
	b := t.scratch[:0]
	b = append(b, "room "...)
	b = strconv.AppendInt(b, t.id, 10)
	b = append(b, " event "...)
	b = strconv.AppendUint(b, t.seq, 10)
	for _, p := range t.present {
		b = append(b, "\nuser "...)
		b = strconv.AppendInt(b, p.id, 10)
		if p.Seated() {
			b = append(b, " seat "...)
			b = strconv.AppendInt(b, int64(p.seat), 10)
		} else {
			b = append(b, " spectator"...)
		}
		if !p.Online() {
			b = append(b, " offline"...)
		}
	}
	b = append(b, '\n')
	b = append(b, t.game.State(t, false)...)
	t.scratch = b
	return string(b)
}
