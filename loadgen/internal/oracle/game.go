package oracle

import (
	"fmt"
	"slices"
)

// faces is the highest number of points on a die.
const faces = 6

// game is dice as the events tell it.
type game struct {
	known   bool // whether the rest is
	running bool
	number  uint64 // of the round that runs, or that was settled last
	rolls   []Die  // in it; 0 points: only the roller knows
	acks    []roll // acknowledged and not found in a settlement yet
	settled [4]*Event
}

// start follows the start of a round.
func (l *life) start(e *Event) {
	g := &l.game
	l.room.book.counts.Rounds++
	if g.known {
		if g.running {
			l.room.violate(Settlement, "round %d started, and round %d before it was never settled", e.Round, g.number)
		}
		l.room.checked(Sequence)
		if e.Round != g.number+1 {
			l.room.violate(Sequence, "round %d started after round %d", e.Round, g.number)
		}
	}
	g.known, g.running, g.number, g.rolls = true, true, e.Round, g.rolls[:0]
	g.acks = slices.DeleteFunc(g.acks, func(a roll) bool {
		if a.round < e.Round {
			l.room.unknown(Roll) // nobody saw that settlement, or its lack was reported
			return true
		}
		return false
	})
}

// shake follows a roll.
func (l *life) shake(e *Event) {
	g := &l.game
	if !g.known {
		return
	}
	_, twice := g.find(e.User)
	switch {
	case !g.running || e.Round != g.number:
		l.room.violate(Roll, "user %d rolled in round %d, which is not being played", e.User, e.Round)
	case twice:
		l.room.violate(Roll, "user %d rolled twice in round %d", e.User, e.Round)
	default:
		g.rolls = append(g.rolls, Die{User: e.User, Points: e.Points})
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
	if s := l.game.settled[a.round%4]; s != nil && s.Round == a.round {
		l.compareRoll(a, s) // others were told of the settlement before this bot of its roll
		return
	}
	l.game.acks = append(l.game.acks, a)
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

func (l *life) compareRoll(a roll, settled *Event) {
	l.room.checked(Roll)
	if points, rolled := die(settled.Dice, a.user); !rolled {
		l.room.violate(Roll, "bot %d was told that it rolled %d in round %d, and the settlement has no roll of it", a.user, a.points, a.round)
	} else if points != a.points {
		l.room.violate(Roll, "bot %d was told that it rolled %d in round %d, and the settlement says %d", a.user, a.points, a.round, points)
	}
}

// settle follows a settlement.
func (l *life) settle(e *Event) {
	g := &l.game
	l.room.book.counts.Settlements++
	l.checkWinners(e)
	if again := g.settled[e.Round%4]; again != nil && again.Round == e.Round {
		l.room.violate(Settlement, "round %d was settled twice, as %d and as %d", e.Round, again.Seq, e.Seq)
	} else if g.known {
		l.room.checked(Settlement)
		if !g.running || e.Round != g.number {
			l.room.violate(Settlement, "round %d was settled, which was not being played", e.Round)
		} else {
			l.checkRolls(e)
		}
	}
	g.acks = slices.DeleteFunc(g.acks, func(a roll) bool {
		if a.round == e.Round {
			l.compareRoll(a, e)
		}
		return a.round == e.Round
	})
	g.settled[e.Round%4] = e
	g.known, g.running, g.number, g.rolls = true, false, e.Round, g.rolls[:0]
}

// checkRolls compares a settlement with the rolls that were announced.
func (l *life) checkRolls(e *Event) {
	l.room.checked(Roll)
	for _, d := range l.game.rolls {
		points, there := die(e.Dice, d.User)
		if !there {
			l.room.violate(Roll, "user %d rolled in round %d, and the settlement has no roll of it", d.User, e.Round)
		} else if d.Points != 0 && points != d.Points {
			l.room.violate(Roll, "user %d rolled %d in round %d, and the settlement says %d", d.User, d.Points, e.Round, points)
		}
	}
	for _, d := range e.Dice {
		if _, rolled := l.game.find(d.User); !rolled {
			l.room.violate(Roll, "the settlement of round %d has a roll of user %d, who did not roll", e.Round, d.User)
		}
	}
}

// checkWinners looks at the settlement alone.
func (l *life) checkWinners(e *Event) {
	l.room.checked(Winners)
	var best int32
	var winners []int64
	for _, d := range e.Dice {
		if d.Points < 1 || d.Points > faces {
			l.room.violate(Winners, "the settlement of round %d has a die with %d points", e.Round, d.Points)
		}
		if d.Points > best {
			best, winners = d.Points, winners[:0]
		}
		if d.Points == best {
			winners = append(winners, d.User)
		}
	}
	if !slices.Equal(winners, e.Winners) {
		l.room.violate(Winners, "the dice of round %d are %s, and the winners are said to be %v", e.Round, dots(e.Dice), e.Winners)
	}
}

// compareScene compares the scene after the head with the game, or learns the game from it.
func (l *life) compareScene(e *Event) {
	g := &l.game
	if !g.known {
		g.known, g.running, g.number = true, e.InRound, e.Round
		g.rolls = g.rolls[:0]
		if e.InRound {
			g.rolls = append(g.rolls, e.Dice...)
		}
		return
	}
	l.room.checked(Agreement)
	if e.Round != g.number || e.InRound != g.running {
		l.room.violate(Agreement, "bot %d was shown %q, when by the events round %d was %s", e.Bot, e.what(), g.number, stage(g.running))
		return
	}
	if !g.running {
		if s := g.settled[e.Round%4]; s != nil && s.Round == e.Round && !slices.Equal(s.Dice, e.Dice) {
			l.room.violate(Agreement, "bot %d was shown %q, when the settlement was %s", e.Bot, e.what(), dots(s.Dice))
		}
		return
	}
	for _, d := range g.rolls {
		if _, there := die(e.Dice, d.User); !there {
			l.room.violate(Roll, "user %d rolled in round %d, and the scene that bot %d was shown has no roll of it", d.User, e.Round, e.Bot)
		}
	}
	for _, d := range e.Dice {
		if _, rolled := g.find(d.User); !rolled {
			l.room.violate(Roll, "the scene that bot %d was shown has a roll of user %d in round %d, who did not roll", e.Bot, d.User, e.Round)
		}
	}
}

func stage(running bool) string {
	if running {
		return "being played"
	}
	return "settled"
}
