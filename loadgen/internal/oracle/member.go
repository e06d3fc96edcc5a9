package oracle

import "slices"

// manyMembers is how many members of a room are looked up faster in a map than in a row.
const manyMembers = 16

// member finds a bot in the room, or takes it in.
func (r *room) member(bot int64) *member {
	if r.index != nil {
		if m := r.index[bot]; m != nil {
			return m
		}
	} else {
		for _, m := range r.members {
			if m != nil && m.bot == bot {
				return m
			}
		}
	}
	m := &member{bot: bot, index: r.place(), seat: -1}
	r.members[m.index] = m
	switch {
	case r.index != nil:
		r.index[bot] = m
	case len(r.members) > manyMembers:
		r.index = make(map[int64]*member, len(r.members))
		for _, m := range r.members {
			if m != nil {
				r.index[m.bot] = m
			}
		}
	}
	return m
}

// fewMembers is how many members a room remembers at least.
const fewMembers = 8

// place finds an index for one more member. Where the members grow in number, those are forgotten
// who stood up for good: bots that go from room to room would be remembered in all of them.
func (r *room) place() int {
	n := len(r.members)
	if n < fewMembers {
		r.members = append(r.members, nil)
		return n
	}
	if r.vacant == 0 && n >= r.sweep {
		for i, m := range r.members {
			if m.idle() {
				r.members[i] = nil
				r.vacant++
				delete(r.index, m.bot)
			}
		}
		r.sweep = max(fewMembers, 2*(n-r.vacant))
	}
	if r.vacant == 0 {
		r.members = append(r.members, nil)
		return n
	}
	r.vacant--
	i := slices.Index(r.members, nil)
	if i < crowd {
		r.disown(1 << i)
	}
	return i
}

// disown forgets who saw what, for a bit that another member gets.
func (r *room) disown(bit uint64) {
	r.trace.disown(bit)
	for _, l := range r.lives {
		for i := range l.ring {
			l.ring[i].seen &^= bit
		}
	}
}

// idle says whether nothing is lost with what is known of a member.
func (m *member) idle() bool {
	return m.life == nil && !m.away && !m.lurks && m.entrance == nil &&
		(m.rolled.life == nil || m.rolled.life.superseded || !m.rolled.life.game.running || m.rolled.life.game.number != m.rolled.round)
}

// idle says whether nobody is in the room, and nobody wants to come back.
func (r *room) idle() bool {
	for _, m := range r.members {
		if m != nil && (m.life != nil || m.away || m.entrance != nil) {
			return false
		}
	}
	return true
}
