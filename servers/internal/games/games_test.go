package games

import (
	"strings"
	"testing"

	"croupier/servers/internal/games/coin"
	"croupier/servers/internal/games/dice"
	"croupier/servers/internal/room"
	"croupier/servers/internal/room/roomtest"
)

func TestBuiltin(t *testing.T) {
	for _, test := range []struct{ seats, dice int }{{0, 4}, {6, 6}} {
		register := Builtin(dice.Config{}, test.seats)
		if got := register.String(); got != "coin, dice" {
			t.Errorf("registered are %q", got)
		}
		for name, seats := range map[string]int{"dice": test.dice, "coin": coin.Seats} {
			kind := register[name]
			if kind.Name != name || kind.Seats != seats {
				t.Errorf("%s is registered as %q with %d seats, want %d", name, kind.Name, kind.Seats, seats)
			}
			if kind.New() == kind.New() {
				t.Errorf("two rooms of %s share a game", name)
			}
			r, err := room.Open(room.Config{ID: 1, Seats: kind.Seats, Encoder: roomtest.Encoder{}}, kind.New())
			if err != nil {
				t.Fatalf("%s does not start: %v", name, err)
			}
			r.Settle(room.Disbanded)
			<-r.Done()
		}
	}
}

func TestOnly(t *testing.T) {
	register := Builtin(dice.Config{}, 0)
	kept, err := register.Only("coin")
	if err != nil || kept.String() != "coin" {
		t.Errorf("only coin is %v, %v", kept, err)
	}
	if register.String() != "coin, dice" {
		t.Errorf("the register itself has become %v", register)
	}
	_, err = register.Only("dice", "chess")
	if err == nil || !strings.Contains(err.Error(), `unknown game "chess": this build has coin, dice`) {
		t.Errorf("an unknown game is answered with %v", err)
	}
}
