// Package games is the register of the kinds of game that a game server can play.
package games

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"croupier/servers/internal/games/coin"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/room"
)

// Kind is a kind of game.
type Kind struct {
	Name  string // as players ask for it in game_name
	Seats int
	New   func() room.Game
}

// Register holds kinds of game by name. It is not changed once a server runs.
type Register map[string]Kind

// Builtin registers the games that come with Croupier. seats is the number of seats at a table
// of dice; 0 is the default of 4.
func Builtin(config dice.Config, seats int) Register {
	if seats == 0 {
		seats = 4
	}
	return Register{
		"dice": {Name: "dice", Seats: seats, New: func() room.Game { return dice.New(config) }},
		"coin": {Name: "coin", Seats: coin.Seats, New: func() room.Game { return coin.New() }},
	}
}

// Only keeps the named kinds. It fails for a name that is not registered.
func (r Register) Only(names ...string) (Register, error) {
	kept := Register{}
	for _, name := range names {
		kind, known := r[name]
		if !known {
			return nil, fmt.Errorf("unknown game %q: this build has %s", name, r)
		}
		kept[name] = kind
	}
	return kept, nil
}

// String lists the names.
func (r Register) String() string {
	return strings.Join(slices.Sorted(maps.Keys(r)), ", ")
}
