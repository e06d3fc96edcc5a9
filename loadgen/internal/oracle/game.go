package oracle

import (
	"fmt"
	"slices"
)

// faces is the highest number of points on a die.
const faces = 6

// mostUsers is how many users of a room are followed. More are no room that is being played in.
const mostUsers = 4096

// game is dice as the events tell it.
type game struct {
	known   bool // whether the rest is
	running bool
	number  uint64        // of the round that runs, or that was settled last
	rolls   []Die         // in it; 0 points: only the roller knows
	acks    []roll        // acknowledged and not found in a settlement yet
	settled [4]settlement // the last ones, by round
}

// settlement is one that was seen; number 0: none.
type settlement struct {
	round, seq uint64
	dice       []Die
}

// start follows the start of a round.
func (l *life) start(e *record) {
	g := &l.game
	l.room.book.counts.Rounds++
	if l.clock.starts {
		l.came(e.at)
	}
	l.expect(e.at, e.length, e.round, false)
	if g.known {
		if g.running {
			l.loseRound("round %d started, and round %d before it was never settled", e.round, g.number)
		}
		l.room.checked(Sequence)
		if e.round != g.number+1 {
			l.room.violate(Sequence, about{round: g.number}, "round %d started after round %d", e.round, g.number)
		}
	}
	g.known, g.running, g.number, g.rolls = true, true, e.round, g.rolls[:0]
	g.acks = slices.DeleteFunc(g.acks, func(a roll) bool {
		if a.round < e.round {
			l.room.unknown(Roll) // nobody saw that settlement, or its lack was reported
			return true
		}
		return false
	})
}

// shake follows a roll.
func (l *life) shake(e *record) {
	g := &l.game
	if !g.known {
		return
	}
	_, twice := g.find(e.user)
	switch {
	case !g.running || e.round != g.number:
		l.room.violate(Roll, about{round: e.round, user: e.user}, "user %d rolled in round %d, which is not being played", e.user, e.round)
	case twice:
		l.room.violate(Roll, about{round: e.round, user: e.user}, "user %d rolled twice in round %d", e.user, e.round)
	case len(g.rolls) < mostUsers:
		g.rolls = append(g.rolls, Die{User: e.user, Points: e.value})
	}
}

func (g *game) find(user int64) (Die, bool) {
	for _, d := range g.rolls {
		if d.User == user {
			return d, true
		}
	}
	return Die{}, false
}

// acknowledge notes that a bot was told its own roll.
func (l *life) acknowledge(a roll) {
	if s := &l.game.settled[a.round%4]; s.seq != 0 && s.round == a.round {
		l.compareRoll(a, s.dice) // others were told of the settlement before this bot of its roll
		return
	}
	if len(l.game.acks) < mostUsers {
		l.game.acks = append(l.game.acks, a)
	}
}

// acknowledged lists the rolls that nothing became of.
func (l *life) acknowledged() string {
	n := 0
	for _, a := range l.game.acks {
		if a.round == l.game.number {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (rolls that had been acknowledged: %d)", n)
}

func (l *life) compareRoll(a roll, dice []Die) {
	l.room.checked(Roll)
	if points, rolled := die(dice, a.user); !rolled {
		l.room.violate(Roll, about{round: a.round, user: a.user, bot: a.user}, "bot %d was told that it rolled %d in round %d, and the settlement has no roll of it", a.user, a.points, a.round)
	} else if points != a.points {
		l.room.violate(Roll, about{round: a.round, user: a.user, bot: a.user}, "bot %d was told that it rolled %d in round %d, and the settlement says %d", a.user, a.points, a.round, points)
	}
}

// settle follows a settlement.
func (l *life) settle(e *record) {
	g := &l.game
	l.room.book.counts.Settlements++
	if l.clock.due != 0 && !l.clock.starts && l.clock.round == e.round {
		l.came(e.at)
	}
	l.expect(e.at, e.length, e.round, true)
	l.checkWinners(e)
	if again := &g.settled[e.round%4]; again.seq != 0 && again.round == e.round {
		l.room.violate(Settlement, about{round: e.round}, "round %d was settled twice, as %d and as %d", e.round, again.seq, e.seq)
	} else if g.known {
		l.room.checked(Settlement)
		if !g.running || e.round != g.number {
			l.room.violate(Settlement, about{round: e.round}, "round %d was settled, which was not being played", e.round)
		} else {
			l.checkRolls(e)
		}
	}
	g.acks = slices.DeleteFunc(g.acks, func(a roll) bool {
		if a.round == e.round {
			l.compareRoll(a, e.dice())
		}
		return a.round == e.round
	})
	g.settled[e.round%4] = settlement{e.round, e.seq, e.dice()}
	g.known, g.running, g.number, g.rolls = true, false, e.round, g.rolls[:0]
}

// checkRolls compares a settlement with the rolls that were announced.
func (l *life) checkRolls(e *record) {
	l.room.checked(Roll)
	for _, d := range l.game.rolls {
		points, there := die(e.dice(), d.User)
		if !there {
			l.room.violate(Roll, about{round: e.round, user: d.User}, "user %d rolled in round %d, and the settlement has no roll of it", d.User, e.round)
		} else if d.Points != 0 && points != d.Points {
			l.room.violate(Roll, about{round: e.round, user: d.User}, "user %d rolled %d in round %d, and the settlement says %d", d.User, d.Points, e.round, points)
		}
	}
	for _, d := range e.dice() {
		if _, rolled := l.game.find(d.User); !rolled {
			l.room.violate(Roll, about{round: e.round, user: d.User}, "the settlement of round %d has a roll of user %d, who did not roll", e.round, d.User)
		}
	}
}

// checkWinners looks at the settlement alone.
func (l *life) checkWinners(e *record) {
	l.room.checked(Winners)
	var best int32
	var winners []int64
	for _, d := range e.dice() {
		if d.Points < 1 || d.Points > faces {
			l.room.violate(Winners, about{round: e.round}, "the settlement of round %d has a die with %d points", e.round, d.Points)
		}
		if d.Points > best {
			best, winners = d.Points, winners[:0]
		}
		if d.Points == best {
			winners = append(winners, d.User)
		}
	}
	if !slices.Equal(winners, e.winners()) {
		l.room.violate(Winners, about{round: e.round}, "the dice of round %d are %s, and the winners are said to be %v", e.round, dots(e.dice()), e.winners())
	}
}

// compareScene compares the scene after the head with the game, or learns the game from it.
func (l *life) compareScene(e *record) {
	g := &l.game
	if l.clock.due == 0 {
		l.expect(e.at, e.length, e.round, !e.is(inRound))
	}
	if !g.known {
		l.checkProgress(e)
		g.known, g.running, g.number = true, e.is(inRound), e.round
		g.rolls = g.rolls[:0]
		if e.is(inRound) {
			g.rolls = append(g.rolls, e.dice()...)
		}
		return
	}
	l.room.checked(Agreement)
	if e.round != g.number || e.is(inRound) != g.running {
		l.room.violate(Agreement, about{round: g.number}, "bot %d was shown %q, when by the events round %d was %s", l.room.witness(e), e.what(), g.number, stage(g.running))
		return
	}
	if !g.running {
		if s := &g.settled[e.round%4]; s.seq != 0 && s.round == e.round && !slices.Equal(s.dice, e.dice()) {
			l.room.violate(Agreement, about{round: e.round}, "bot %d was shown %q, when the settlement was %s", l.room.witness(e), e.what(), dots(s.dice))
		}
		return
	}
	for _, d := range g.rolls {
		if _, there := die(e.dice(), d.User); !there {
			l.room.violate(Roll, about{round: e.round, user: d.User}, "user %d rolled in round %d, and the scene that bot %d was shown has no roll of it", d.User, e.round, l.room.witness(e))
		}
	}
	for _, d := range e.dice() {
		if _, rolled := g.find(d.User); !rolled {
			l.room.violate(Roll, about{round: e.round, user: d.User}, "the scene that bot %d was shown has a roll of user %d in round %d, who did not roll", l.room.witness(e), d.User, e.round)
		}
	}
}

// checkProgress compares a scene with what was known of the game before something happened that nobody saw.
func (l *life) checkProgress(e *record) {
	if !l.fenced() {
		return // it may be another room
	}
	l.room.checked(Sequence)
	if e.round < l.game.number {
		l.room.violate(Sequence, about{round: e.round}, "bot %d was shown round %d, after round %d was played", l.room.witness(e), e.round, l.game.number)
	}
	if !e.is(inRound) {
		return
	}
	for _, a := range l.game.acks {
		if a.round != e.round || a.seq > e.seq {
			continue
		}
		l.room.checked(Roll)
		if _, there := die(e.dice(), a.user); !there {
			l.room.violate(Roll, about{round: a.round, user: a.user, bot: a.user}, "bot %d was told that it rolled %d in round %d, and the scene that bot %d was shown has no roll of it",
				a.user, a.points, a.round, l.room.witness(e))
		}
	}
}

func stage(running bool) string {
	if running {
		return "being played"
	}
	return "settled"
}
