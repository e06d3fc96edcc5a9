package wire

import (
	"errors"
	"fmt"
	"strconv"
)

// Place is where a player wants to sit.
type Place struct {
	Game string
	Room int64 // from 1; 0: any with a free seat
	Seat int   // from 0; -1: any
}

// MaxGameName is the length in bytes above which the name of a game is refused.
const MaxGameName = 64

// Map puts a place into the form of SitDown and of the direct service's metadata.
func (p Place) Map() map[string]string {
	return map[string]string{
		"room_id":   strconv.FormatInt(p.Room, 10),
		"seat":      strconv.Itoa(p.Seat),
		"game_name": p.Game,
	}
}

// ParsePlace reads a place. An absent room or seat means any; whether the seat and the game exist is
// for the room to say.
func ParsePlace(fields map[string]string) (Place, error) {
	p := Place{Game: fields["game_name"], Seat: -1}
	if p.Game == "" {
		return Place{}, errors.New("game_name is missing")
	}
	if len(p.Game) > MaxGameName {
		return Place{}, fmt.Errorf("game_name has %d bytes, at most %d are taken", len(p.Game), MaxGameName)
	}
	if text := fields["room_id"]; text != "" {
		room, err := strconv.ParseInt(text, 10, 64)
		if err != nil || room < 0 {
			return Place{}, errors.New("room_id must be a whole number from 1, or 0 for any room")
		}
		p.Room = room
	}
	if text := fields["seat"]; text != "" {
		seat, err := strconv.ParseInt(text, 10, 32)
		if err != nil || seat < -1 {
			return Place{}, errors.New("seat must be a whole number from 0, or -1 for any")
		}
		p.Seat = int(seat)
	}
	return p, nil
}
