package oracle

import "time"

// window is how many events of a life are kept to be compared with what other bots are told. A bot
// that hears of an event later than that is not compared.
const window = 64

// leastWindow is how many are kept where all the bots of a room hear of its events soon.
const leastWindow = 16

// awayFor is how long a room waits for players whose connections were lost with a gate. When all of them stay
// away for longer, it may settle what it can, and close.
const awayFor = 10 * time.Second

// grace is how long after a room began anew bots may still be handing in what the old one said.
const grace = time.Second

// life is a room from its opening to its end, under one owner or several, one after the other.
// Bots hand in its events each at their own pace; the life puts them into one order and follows
// the game in that order, as far as somebody has seen or will see every event.
type life struct {
	room      *room
	first     uint64 // the first owner seen
	epoch     uint64 // the newest owner seen
	epochFrom uint64 // the first event that can only be of it
	recovered uint64 // the owner under which the players were shown the room anew; 0: there was none
	observers []*member

	head uint64   // every event up to here was followed, or is lost
	top  uint64   // the newest event seen
	ring []record // what the first bot saw, by number; no smaller than what a bot at the table may still hand in
	next []record // scenes after events that were not followed yet

	heardAt      time.Duration // when something was heard of it last
	mourned      bool          // a bot was abandoned, and nothing was heard of the room since
	mournedAt    time.Duration
	ended        bool // the server said that it closes the room
	recalled     bool // the server told players to come again, and none of them has: the room may be closed, or be at another server
	still        bool // it stands still: no clock counts until the next scene
	superseded   bool // the room has begun anew
	supersededAt time.Duration
	split        bool // both go on, which was reported

	game  game
	clock clock
	seats seats
}

// quiet says that everyone has left of their own accord: the room may have closed since.
func (l *life) quiet() bool { return len(l.observers) == 0 && !l.mourned }

func (l *life) heardFrom(at time.Duration) {
	l.mourned, l.recalled = false, false
	l.heardAt = max(l.heardAt, at)
}

// closed says whether the server has closed the room in an orderly way, as far as is known: what was played
// was settled.
func (l *life) closed() bool {
	return l.ended || l.recalled && !(l.game.known && l.game.running)
}

// recall notes that a player was told to come again: to this room, at another server, or to a new one.
func (l *life) recall() {
	l.recalled = true
	l.clock = clock{}
}

// standStill notes that the room waits until it can write down what happens in it.
func (l *life) standStill() {
	l.still = true
	l.lapse()
}

// loseRound reports that the round under way came to nothing.
func (l *life) loseRound(format string, words ...any) {
	l.room.book.counts.LostRounds++
	l.room.violate(Settlement, about{round: l.game.number}, format, words...)
}

// slot returns the place for what is known of a number, emptied where it held an older one; nil
// where it holds a newer one already.
func (l *life) slot(seq uint64) *record {
	for {
		s := &l.ring[seq%uint64(len(l.ring))]
		switch {
		case s.seq > seq:
			return nil
		case s.seq == seq:
			return s
		case s.seq != 0 && len(l.ring) < window && (s.seq > l.head || l.expected(s.seq)):
			l.resize(2 * len(l.ring))
			continue
		}
		*s = record{seq: seq}
		return s
	}
}

// resize makes the ring longer, or shorter.
func (l *life) resize(size int) {
	old := l.ring
	l.ring = make([]record, size)
	for i := range old {
		if s := &l.ring[old[i].seq%uint64(size)]; s.seq < old[i].seq {
			*s = old[i]
		}
	}
}

// relax makes a ring short again that had grown for a bot which has left.
func (l *life) relax() {
	if len(l.ring) > leastWindow && (l.top < leastWindow || l.head >= l.top-leastWindow/2 && !l.expected(l.top-leastWindow/2)) {
		l.resize(leastWindow)
	}
}

// fact is what is known of an event, nil: nothing.
func (l *life) fact(seq uint64) *record {
	if s := &l.ring[seq%uint64(len(l.ring))]; s.seq == seq && s.kind != 0 {
		return s
	}
	return nil
}

// fenced says whether the servers tell one owner of the room from the next. Servers from before
// there was a directory of rooms may say 1 of every room, also of one that was closed and opened again.
func (l *life) fenced() bool { return l.first > 1 }

// begunAnew says whether the room that a bot sits down in is another one than this life of it.
func (l *life) begunAnew(m *member, own, scene *Event) bool {
	mayBeIn := m.lurks || m.was == l && m.left != stoodUp
	if l.fenced() {
		// A new owner that goes on counts on. When everyone had left, the room may have closed,
		// and whether it did makes no difference to anyone.
		switch {
		case own.Epoch <= l.epoch:
			return false
		case l.ended || l.quiet() || own.Seq < l.top:
			return true
		case l.recalled && scene != nil && l.game.known && scene.Round < l.game.number:
			return true
		}
		known := l.fact(own.Seq)
		return own.Seq == l.top && known != nil && !mayBeIn && !same(known, own)
	}
	known := l.fact(own.Seq)
	// Every reason here is a thing that cannot be true of one and the same room, except for the last
	// two, which only apply when everyone had left and the room may well have closed.
	switch {
	case l.ended, l.recalled:
		return true
	case own.Epoch > l.epoch:
		return own.Seq <= l.top
	case m.was == l && own.Seq < m.last:
		return true
	case known != nil && same(known, own):
		return false
	case known != nil && !mayBeIn:
		return true // another event has that number
	case scene != nil && own.Seq >= l.top && l.head == l.top && l.game.known && scene.Round < l.game.number:
		return true
	case l.quiet() && own.Seq <= l.top && known == nil:
		return true
	case l.quiet() && scene != nil && m.rolled.life == l && scene.InRound && m.rolled.round == scene.Round:
		points, _ := die(scene.Dice, m.bot)
		return points != m.rolled.points
	}
	return false
}

// isBehind says whether a bot sits down in a room that is over, and only hears of it late: under an
// older owner than this life, or, where owners are not told apart, far ahead of what those who are
// in this life hear.
func (l *life) isBehind(own *Event) bool {
	if l.fenced() {
		return own.Epoch < l.first
	}
	return len(l.observers) > 0 && own.Epoch == l.epoch && own.Seq > l.top+window/2
}

// noteEpoch follows the owners of the room, by what one of them told a bot. What has no number of its own
// may be as of an event of the owner before.
func (l *life) noteEpoch(e *Event, m *member, numbered bool) {
	l.room.checked(Epoch)
	switch {
	case e.Epoch > l.epoch:
		l.epoch, l.epochFrom = e.Epoch, e.Seq
		if !numbered {
			l.epochFrom++
		}
		l.room.book.counts.Migrated++
		if l.clock.due != 0 && e.At > l.heardAt {
			l.clock.due += e.At - l.heardAt // for so long it may have stood still
		}
	case e.Epoch < l.epoch && e.Seq >= l.epochFrom:
		l.room.violate(Epoch, about{}, "bot %d was told %d by owner %d, when owner %d had the room since %d", e.Bot, e.Seq, e.Epoch, l.epoch, l.epochFrom)
	case e.Epoch < m.epoch:
		l.room.violate(Epoch, about{}, "bot %d was told %d by owner %d, and owner %d had spoken to it before", e.Bot, e.Seq, e.Epoch, m.epoch)
	}
	m.epoch = max(m.epoch, e.Epoch)
}

// checkAlone finds two rooms under one number.
func (l *life) checkAlone(e *Event) {
	if l.superseded && !l.split && e.At > l.supersededAt+grace {
		l.split = true
		l.room.violate(Epoch, about{}, "there are two rooms under this number: one was opened at %.3f s, and the one before it still plays", l.supersededAt.Seconds())
	}
}

// put takes a numbered event as one bot saw it.
func (l *life) put(e *Event, m *member) {
	if e.Seq > l.head+window {
		l.skip(e.Seq - window)
	}
	s := l.slot(e.Seq)
	switch {
	case s == nil:
		l.room.unknown(Agreement) // too late to be compared
		return
	case s.kind == 0:
		*s = keep(e, m)
	default:
		l.room.checked(Agreement)
		if !same(s, e) {
			l.room.violate(Agreement, about{from: e.Seq, to: e.Seq}, "bots were told different things: bot %d %q, bot %d %q", l.room.witness(s), s.what(), e.Bot, e.what())
		}
		s.seen |= m.bit()
		return
	}
	l.top = max(l.top, e.Seq)
	l.advance()
}

// show takes a scene.
func (l *life) show(e *Event, m *member) {
	if e.Seq < l.head {
		return // a bot that lags behind the others
	}
	l.still = false
	scene := keep(e, m)
	if e.Seq == l.head {
		l.compareScene(&scene)
		return
	}
	if e.Seq > l.head+window {
		l.skip(e.Seq - window)
	}
	if len(l.next) < window {
		l.next = append(l.next, scene)
	}
	l.top = max(l.top, e.Seq)
	l.advance()
}

// shown compares the scenes after the head, and forgets older ones.
func (l *life) shown() {
	if len(l.next) == 0 {
		return
	}
	waiting := l.next[:0]
	for i := range l.next {
		switch scene := l.next[i]; {
		case scene.seq == l.head:
			l.compareScene(&scene)
		case scene.seq > l.head:
			waiting = append(waiting, scene)
		}
	}
	if l.next = waiting; len(waiting) == 0 {
		l.next = nil
	}
}

// introduce takes the list of those who are here, as of an event.
func (l *life) introduce(others []record, before uint64) {
	if len(others) == 0 || before < l.head {
		return
	}
	if before > l.head {
		if l.expected(l.head + 1) {
			return // others will tell
		}
		l.top = max(l.top, before)
		l.skip(before)
	}
	for i := range others {
		l.compareSeat(&others[i])
	}
}

// expected says whether a bot will still hand in an event.
func (l *life) expected(seq uint64) bool {
	for _, m := range l.observers {
		if m.last < seq {
			return true
		}
	}
	return false
}

// advance follows the game as far as it is known.
func (l *life) advance() {
	for l.head < l.top {
		next := l.head + 1
		switch fact := l.fact(next); {
		case fact != nil:
			l.head = next
			l.follow(fact)
		case l.expected(next):
			return
		default:
			l.skip(l.nextKnown())
		}
		l.shown()
	}
}

// nextKnown is the last event before the first one behind the head that is known, or the event
// behind the head after which a scene is.
func (l *life) nextKnown() uint64 {
	first := l.top
	for i := range l.ring {
		if seq := l.ring[i].seq; l.ring[i].kind != 0 && seq > l.head && seq <= first {
			first = seq - 1
		}
	}
	for i := range l.next {
		if seq := l.next[i].seq; seq > l.head {
			first = min(first, seq)
		}
	}
	return max(first, l.head+1)
}

// skip gives up on the events up to seq.
func (l *life) skip(seq uint64) {
	if seq > l.head {
		l.forget()
		l.head = seq
	}
}

// forget drops what was known of the game, because something happened that nobody saw.
func (l *life) forget() {
	if l.game.known && l.game.running {
		l.room.unknown(Settlement)
	}
	l.lapse()
	l.game.known, l.game.running, l.game.rolls = false, false, l.game.rolls[:0]
	l.seats = l.seats[:0]
}

// follow applies an event.
func (l *life) follow(e *record) {
	switch e.kind {
	case Started:
		l.start(e)
	case Shaken:
		l.shake(e)
	case Settled:
		l.settle(e)
	case Present:
		if e.is(entering) {
			l.compareSeat(e)
		} else {
			l.changeSeat(e)
		}
	case Stood:
		l.stand(e)
	}
}

// end notes that the server closes the room, after event seq.
func (l *life) end(seq uint64) {
	if !l.ended {
		l.ended = true
		l.clock = clock{}
		if l.game.known && l.game.running && l.head == seq {
			l.loseRound("the room was closed in the midst of round %d, which was not settled", l.game.number)
			l.game.known = false
		}
	}
}

// judge decides what became of the round under way when the life is over.
func (l *life) judge(how string) {
	if !l.game.known || !l.game.running {
		return
	}
	if l.mourned && !l.ended {
		l.loseRound("round %d started, and none of its players saw it settled: they lost their connections, not by their own doing, and %s%s",
			l.game.number, how, l.acknowledged())
		return
	}
	l.room.unknown(Settlement)
}
