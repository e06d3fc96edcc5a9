package oracle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"croupier/servers/wire"
)

// Kind is what an Event is about.
type Kind uint8

const (
	Lost    Kind = iota + 1 // the bot's connection broke, or an attempt to connect failed
	Present                 // User is in Seat
	Stood                   // User left the room
	Online                  // User came back online, or went offline
	Started                 // Round began, for Length
	Shaken                  // User rolled in Round; Points are shown to the roller only
	Settled                 // Round ended with Dice and Winners
	Scene                   // the round as it is: Round, InRound, Dice
	Ended                   // the room ended the bot's stay, for Reason
	Told                    // something else that is no event of the room: an answer, a notice
	Other                   // something that this version does not know
	Quit                    // the bot does not want to come back to this room
	Asks                    // the bot asks for another seat, or to leave: until Request is answered, its seat is not known
	Waiting                 // the room stands still, and says so: its clocks stop until the next scene
)

// Reason is why a room ended a stay.
type Reason uint8

const (
	Retry     Reason = iota // the room goes away here; come again
	Disbanded               // the room is closed
	Replaced                // the same user came on another connection
)

// Event is one thing that a bot was told, or that happened to its connection. Which fields count
// depends on Kind.
type Event struct {
	Bot  int64         // the user that saw it
	At   time.Duration // since the begin of the run, when it was read
	Kind Kind

	Epoch uint64 // of the room; 0: it does not come from a room
	Seq   uint64 // the event's number; of what is no event, the number of the last event before it

	User     int64
	Seat     int32 // -1: none; of a Scene: how many there are at the table
	Online   bool
	Round    uint64
	InRound  bool
	Length   time.Duration
	Points   int32
	Dice     []Die   // sorted by user
	Winners  []int64 // sorted
	Reason   Reason
	Code     wire.Code // Told: of an error
	Own      bool      // Lost: the bot itself broke its connection
	Linked   bool      // Lost: the connection stood, so that a room may have seen it come and go
	Expelled bool      // Lost: the gate ended it, for what the bot's side did or did not do; that may cost the seat
	Text     string    // for people

	Request uint64 // of the bot, that this answers, or that it makes; 0: none
	Way     bool   // the first on a new way to the room
	Room    int64  // that it speaks of, said with Way; 0: it was not said

	entering bool // Present: the bot's own, as it sits down
}

// Die is what a user rolled; 0 points are hidden.
type Die struct {
	User   int64 `json:"user"`
	Points int32 `json:"points"`
}

func die(dice []Die, user int64) (points int32, rolled bool) {
	i, found := slices.BinarySearchFunc(dice, user, func(d Die, user int64) int {
		switch {
		case d.User < user:
			return -1
		case d.User > user:
			return 1
		}
		return 0
	})
	if !found {
		return 0, false
	}
	return dice[i].Points, true
}

// String is the event in a counter-example.
func (e Event) String() string {
	return fmt.Sprintf("%9.3fs  bot %d  %s", e.At.Seconds(), e.Bot, e.what())
}

// what is the event without its time and its witness.
func (e Event) what() string {
	number := fmt.Sprintf("#%d ", e.Seq)
	switch e.Kind {
	case Lost:
		who := "the connection was lost"
		if e.Own {
			who = "the bot broke its connection"
		}
		if e.Text != "" {
			who += ": " + e.Text
		}
		return who
	case Present:
		if e.Seat < 0 {
			return number + fmt.Sprintf("user %d is here and watches", e.User)
		}
		text := number + fmt.Sprintf("user %d is in seat %d", e.User, e.Seat)
		if !e.Online {
			text += ", offline"
		}
		return text
	case Stood:
		return number + fmt.Sprintf("user %d left", e.User)
	case Online:
		if e.Online {
			return number + fmt.Sprintf("user %d is online", e.User)
		}
		return number + fmt.Sprintf("user %d is offline", e.User)
	case Started:
		return number + fmt.Sprintf("round %d starts", e.Round)
	case Shaken:
		if e.Points != 0 {
			return number + fmt.Sprintf("user %d rolls %d in round %d", e.User, e.Points, e.Round)
		}
		return number + fmt.Sprintf("user %d rolls in round %d", e.User, e.Round)
	case Settled:
		return number + fmt.Sprintf("round %d is settled: dice %s, won by %v", e.Round, dots(e.Dice), e.Winners)
	case Scene:
		if e.InRound {
			return number + fmt.Sprintf("scene: in round %d, dice %s", e.Round, dots(e.Dice))
		}
		return number + fmt.Sprintf("scene: round %d is over, dice %s", e.Round, dots(e.Dice))
	case Quit:
		return "the bot does not want to come back"
	case Asks:
		return "the bot asks for another seat, or to leave"
	case Ended:
		return number + "the room ended the stay: " + [...]string{"come again", "disbanded", "replaced"}[e.Reason]
	}
	return number + e.Text
}

func dots(dice []Die) string {
	words := make([]string, len(dice))
	for i, d := range dice {
		words[i] = fmt.Sprintf("%d:%d", d.User, d.Points)
		if d.Points == 0 {
			words[i] = fmt.Sprintf("%d:hidden", d.User)
		}
	}
	return "[" + strings.Join(words, " ") + "]"
}
