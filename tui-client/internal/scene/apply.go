package scene

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"croupier/servers/client"
	"croupier/servers/wire"
)

// Line is one entry of the log.
type Line struct {
	At   time.Time
	Kind Kind
	Text string
	Dice bool // it tells what dice show, and can wait until they have come to rest
}

// Kind says what a line is about.
type Kind int

const (
	Table  Kind = iota // what happens at the table
	Win                // somebody won
	Wire               // the connection
	Notice             // the house speaks
	Fault              // something was refused or failed
)

// Mark is a letter for a kind, for eyes and terminals without colours.
func (k Kind) Mark() string { return [...]string{"·", "★", "~", "!", "✗"}[k] }

// Apply takes one event and returns what to log.
func (s *Scene) Apply(event client.Event, now time.Time) []Line {
	kind, text := s.apply(event, now)
	if text == "" {
		return nil
	}
	message, _ := event.(client.Message)
	dice := message.Op == wire.Command_DICE_SHAKE || message.Op == wire.Command_DICE_SETTLEMENT
	return []Line{{At: now, Kind: kind, Text: text, Dice: dice}}
}

func (s *Scene) apply(event client.Event, now time.Time) (Kind, string) {
	switch e := event.(type) {
	case client.Connecting:
		s.Link, s.Attempt = Connecting, e.Attempt
		return Wire, ""
	case client.Connected:
		s.Link, s.Trouble, s.Attempt, s.met = Online, nil, 0, true
		s.stale = true
		if s.Seated {
			return Wire, "" // what counts is the seat
		}
		s.had = true
		return Wire, "connected"
	case client.Lost:
		s.Link, s.Trouble, s.RetryAt = Lost, e.Err, now.Add(e.RetryIn)
		return Wire, s.loses(e, now)
	case client.Closed:
		s.Link, s.Trouble = Closed, e.Err
		if errors.Is(e.Err, client.ErrClosed) {
			return Wire, ""
		}
		return Fault, "closed: " + Explain(e.Err)
	case client.Resumed:
		s.Seated, s.Wants, s.Room, s.had = true, true, e.Place.Room, true
		if e.Moved {
			return Wire, fmt.Sprintf("back at the table; the old seat was taken, now %s", seat(e.Place.Seat))
		}
		return Wire, fmt.Sprintf("back at the table, %s", seat(e.Place.Seat))
	case client.NotResumed:
		s.leaveTable()
		return Fault, fmt.Sprintf("could not sit down again: %v", plain(e.Err))
	case client.Message:
		return s.hear(e, now)
	}
	return Wire, ""
}

// The log repeats why there is no connection after firstHush, and then ever more rarely.
const (
	firstHush = 5 * time.Second
	lastHush  = 80 * time.Second
)

// loses tells of a broken connection, or of an attempt that failed.
func (s *Scene) loses(e client.Lost, now time.Time) string {
	// The target stands before the error already, where it is worth telling.
	why, had := strings.TrimPrefix(Explain(e.Err), "connect to "+s.Target+": "), s.had
	if !had && why == s.said && now.Sub(s.saidAt) < s.hush {
		return ""
	}
	switch {
	case had || why != s.said:
		s.hush = firstHush
	default:
		s.hush = min(2*s.hush, lastHush)
	}
	s.had, s.said, s.saidAt = false, why, now
	switch {
	case had:
		why = "connection lost: " + why
	case !s.met && s.Target != "":
		why = fmt.Sprintf("can't reach the %s: %s", s.Target, why)
	}
	if s.Attempt > 1 {
		why += fmt.Sprintf("; attempt %d failed", s.Attempt)
	}
	return fmt.Sprintf("%s; retry in %s", why, seconds(e.RetryIn))
}

// hear takes what the server said.
func (s *Scene) hear(m client.Message, now time.Time) (Kind, string) {
	moved := s.arrives(m.Body.GetMeta())
	kind, text := s.tell(m, now)
	if text == "" {
		return Wire, moved
	}
	return kind, text
}

// arrives takes what the first message on a new way to the room says, and tells where the room has moved
// under the player.
func (s *Scene) arrives(meta *wire.Meta) string {
	if meta.GetServer() == "" {
		return ""
	}
	if room := meta.GetRoom(); room != 0 {
		s.Room = room
	}
	if s.stale || !s.Seated {
		return ""
	}
	s.listed, s.warned = make(map[int64]bool), false
	return "the room is at another server now"
}

// tell takes what a message says.
func (s *Scene) tell(m client.Message, now time.Time) (Kind, string) {
	switch body := m.Body.(type) {
	case *wire.User:
		return Table, s.sits(body)
	case *wire.Int64:
		switch m.Op {
		case wire.Command_STAND_UP:
			return Table, s.stands(body.GetValue())
		case wire.Command_ONLINE:
			return Table, s.isOnline(body.GetValue())
		}
	case *wire.Int32:
		if m.Op == wire.Command_DISCONNECT && wire.DisconnectReason(body.GetValue()) == wire.DisconnectReason_DISBANDED {
			s.leaveTable()
			return Notice, "the room is closed"
		}
	case *wire.Notice:
		return s.hearNotice(body, now)
	case *wire.DiceScene:
		still := s.Still
		s.look(body, now)
		if still {
			return Wire, "the room goes on"
		}
	case *wire.DiceStart:
		return Table, s.starts(body, now)
	case *wire.DiceShake:
		return Table, s.rolls(body, now)
	case *wire.DiceSettlement:
		text := s.settles(body, now)
		if len(s.Winners) == 0 {
			return Table, text
		}
		return Win, text
	}
	return Table, ""
}

// hearNotice takes what the house says. What players need do nothing about is told quietly, and once.
func (s *Scene) hearNotice(n *wire.Notice, now time.Time) (Kind, string) {
	switch n.GetKind() {
	case wire.Notice_MOVING:
		if s.warned {
			return Wire, ""
		}
		s.warned = true
		return Wire, Clean(n.GetText())
	case wire.Notice_WAITING:
		if s.Still {
			return Wire, ""
		}
		s.left, s.Still = s.Left(now), true
		return Wire, Clean(n.GetText())
	}
	return Notice, Clean(n.GetText())
}

func (s *Scene) sits(u *wire.User) string {
	if s.stale {
		s.forgetTable()
	}
	before, known := s.Players[u.GetId()]
	if !known && s.Room == s.beforeRoom {
		before, known = s.before[u.GetId()]
		delete(s.before, u.GetId())
	}
	after := Player{ID: u.GetId(), Seat: u.GetSeat(), Online: u.GetOnline()}
	if after.Seat > maxSeat {
		return ""
	}
	s.Players[after.ID] = after
	if s.listed != nil {
		s.listed[after.ID] = true
	}
	s.Seats = max(s.Seats, int(after.Seat)+1)
	if after.ID == s.Me {
		s.Seated, s.Wants, s.Came = true, true, true
	}
	if known && before == after {
		return ""
	}
	switch {
	case known && before.Seat != after.Seat && before.Seat < 0:
		return fmt.Sprintf("%s %s", s.does(after.ID, "take", "takes"), seat(after.Seat))
	case known && before.Seat != after.Seat && after.Seat < 0:
		return s.does(after.ID, "go to the bench", "goes to the bench")
	case known && before.Seat != after.Seat:
		return fmt.Sprintf("%s to %s", s.does(after.ID, "move", "moves"), seat(after.Seat))
	case after.ID == s.Me && after.Seat < 0:
		return fmt.Sprintf("you come to watch room %d", s.Room)
	case after.ID == s.Me:
		return fmt.Sprintf("you sit down in room %d, %s", s.Room, seat(after.Seat))
	case after.Seat < 0:
		return s.Name(after.ID) + " comes to watch"
	}
	return fmt.Sprintf("%s sits down in %s", s.Name(after.ID), seat(after.Seat))
}

// maxSeat bounds what a server can make the screen draw.
const maxSeat = 63

func (s *Scene) stands(user int64) string {
	text := s.does(user, "stand up", "stands up")
	if user == s.Me {
		s.leaveTable()
		return text
	}
	delete(s.Players, user)
	delete(s.before, user)
	if s.Phase == Rolling {
		delete(s.Dice, user)
	}
	return text
}

func (s *Scene) isOnline(signed int64) string {
	user, online := signed, true
	if signed < 0 {
		user, online = -signed, false
	}
	p, known := s.Players[user]
	if !known || p.Online == online {
		return ""
	}
	p.Online = online
	s.Players[user] = p
	if online {
		return fmt.Sprintf("%s back", s.does(user, "are", "is"))
	}
	return fmt.Sprintf("%s offline; the seat stays", s.does(user, "go", "goes"))
}

func (s *Scene) look(scene *wire.DiceScene, now time.Time) {
	if s.listed[s.Me] { // the room has shown itself anew, and who was not named has left
		maps.DeleteFunc(s.Players, func(user int64, _ Player) bool { return !s.listed[user] })
	}
	s.listed, s.Still = nil, false
	if n := int(scene.GetSeats()); n > 0 && n <= mostSeats {
		s.Seats = n
	}
	s.Round = scene.GetRound()
	s.enter(Pausing, now, scene.GetLeftMs())
	if scene.GetInRound() {
		s.enter(Rolling, now, scene.GetLeftMs())
	}
	clear(s.Dice)
	for user, points := range scene.GetDice() {
		s.Dice[user] = points
	}
}

func (s *Scene) starts(start *wire.DiceStart, now time.Time) string {
	s.Round = start.GetRound()
	s.enter(Rolling, now, start.GetLengthMs())
	clear(s.Dice)
	clear(s.RolledAt)
	s.Winners = nil
	return fmt.Sprintf("%s starts: %s to roll", s.round(), seconds(s.Length))
}

func (s *Scene) rolls(shake *wire.DiceShake, now time.Time) string {
	user := shake.GetUser()
	s.Dice[user] = shake.GetPoints()
	s.RolledAt[user] = now
	if shake.GetPoints() > 0 {
		return fmt.Sprintf("%s a %d", s.does(user, "roll", "rolls"), shake.GetPoints())
	}
	return s.does(user, "roll", "rolls")
}

func (s *Scene) settles(end *wire.DiceSettlement, now time.Time) string {
	s.enter(Pausing, now, end.GetIdleMs())
	clear(s.Dice)
	best := int32(0)
	for user, points := range end.GetDice() {
		s.Dice[user] = points
		best = max(best, points)
	}
	s.Winners, s.Settled = slices.Sorted(slices.Values(end.GetWinners())), now
	s.Finished++
	for _, winner := range s.Winners {
		s.Wins[winner]++
	}
	switch len(s.Winners) {
	case 0:
		return fmt.Sprintf("%s ends: nobody rolled", s.round())
	case 1:
		return fmt.Sprintf("%s: %s with %d", s.round(), s.does(s.Winners[0], "win", "wins"), best)
	}
	return fmt.Sprintf("%s: %s share the win with %d", s.round(), s.names(s.Winners), best)
}

func (s *Scene) enter(phase Phase, now time.Time, ms int64) {
	s.Phase, s.Length = phase, time.Duration(min(max(ms, 0), 1<<40))*time.Millisecond
	s.Ends = now.Add(s.Length)
}

// round names the round; servers from before rounds had numbers tell none.
func (s *Scene) round() string {
	if s.Round == 0 {
		return "the round"
	}
	return fmt.Sprintf("round %d", s.Round)
}

// Name is what a player is called.
func (s *Scene) Name(user int64) string {
	if user == s.Me {
		return "you"
	}
	return fmt.Sprintf("player %d", user)
}

func (s *Scene) does(user int64, you, they string) string {
	if user == s.Me {
		return "you " + you
	}
	return s.Name(user) + " " + they
}

func (s *Scene) names(users []int64) string {
	names := make([]string, len(users))
	for i, user := range users {
		names[i] = s.Name(user)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func seat(n int32) string {
	if n < 0 {
		return "as a spectator"
	}
	return fmt.Sprintf("seat %d", n)
}

func seconds(d time.Duration) string {
	if d < 10*time.Second && d%time.Second != 0 {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// plain is an error without what a terminal could take for a command.
func plain(err error) string {
	if err == nil {
		return ""
	}
	return Clean(err.Error())
}
