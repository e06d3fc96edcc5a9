package scene

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/servers/client"
	"croupier/servers/wire"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// said makes an event of a server's message.
func said(op wire.Command, body wire.WithMeta) client.Event {
	return client.Message{Op: op, Body: body, At: noon}
}

func sat(id int64, seat int32) client.Event {
	return said(wire.Command_SIT_DOWN, &wire.User{Id: id, Seat: seat, Online: true})
}

// tell applies events and returns the log.
func tell(s *Scene, events ...client.Event) string {
	var text []string
	for _, e := range events {
		for _, line := range s.Apply(e, noon) {
			text = append(text, line.Kind.Mark()+" "+line.Text)
		}
	}
	return strings.Join(text, "\n")
}

// seated is a scene with us, user 7, and 8 at the table, in round 3.
func seated() *Scene {
	s := New(7, client.Place{Game: "dice", Room: 1})
	tell(s, client.Connecting{Attempt: 1}, client.Connected{}, sat(8, 0), sat(7, 1),
		said(wire.Command_DICE_SCENE, &wire.DiceScene{InRound: true, LeftMs: 20_000, Round: 3, Dice: map[int64]int32{8: 0}}))
	return s
}

func TestARound(t *testing.T) {
	s := seated()
	if !s.MayRoll() || s.Phase != Rolling || s.Left(noon.Add(5*time.Second)) != 15*time.Second || !s.Rolled(8) || s.Rolled(7) {
		t.Fatalf("scene is %+v", s)
	}
	log := tell(s,
		said(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 7, Points: 5, Round: 3}),
		said(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{IdleMs: 5000, Winners: []int64{8}, Dice: map[int64]int32{7: 5, 8: 6}, Round: 3}))
	if want := "· you roll a 5\n★ round 3: player 8 wins with 6"; log != want {
		t.Errorf("log is %q", log)
	}
	if s.Phase != Pausing || !s.Won(8) || s.Won(7) || s.Wins[8] != 1 || s.Dice[8] != 6 || s.Finished != 1 || s.MayRoll() {
		t.Errorf("scene is %+v", s)
	}
	log = tell(s, said(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 30_000, Round: 4}))
	if want := "· round 4 starts: 30 s to roll"; log != want {
		t.Errorf("log is %q", log)
	}
	if len(s.Dice) != 0 || s.Winners != nil || !s.MayRoll() {
		t.Errorf("scene is %+v", s)
	}
}

func TestSettlements(t *testing.T) {
	for _, test := range []struct {
		winners []int64
		want    string
	}{
		{nil, "· round 3 ends: nobody rolled"},
		{[]int64{7}, "★ round 3: you win with 6"},
		{[]int64{8, 7}, "★ round 3: you and player 8 share the win with 6"},
		{[]int64{9, 8, 7}, "★ round 3: you, player 8 and player 9 share the win with 6"},
	} {
		dice := map[int64]int32{}
		for _, id := range test.winners {
			dice[id] = 6
		}
		if got := tell(seated(), said(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{Winners: test.winners, Dice: dice, Round: 3})); got != test.want {
			t.Errorf("%v: %q", test.winners, got)
		}
	}
}

func TestComingAndGoing(t *testing.T) {
	s := seated()
	log := tell(s,
		sat(9, -1),
		said(wire.Command_ONLINE, &wire.Int64{Value: -8}),
		said(wire.Command_ONLINE, &wire.Int64{Value: -8}),
		said(wire.Command_ONLINE, &wire.Int64{Value: 8}),
		said(wire.Command_STAND_UP, &wire.Int64{Value: 8}),
		said(wire.Command_STAND_UP, &wire.Int64{Value: 7}))
	want := `· player 9 comes to watch
· player 8 goes offline; the seat stays
· player 8 is back
· player 8 stands up
· you stand up`
	if log != want {
		t.Errorf("log is\n%s", log)
	}
	if s.Seated || s.Wants || len(s.Players) != 0 || s.Phase != Unknown {
		t.Errorf("scene is %+v", s)
	}
}

func TestABreak(t *testing.T) {
	s := seated()
	refused := errors.New("connection refused")
	log := tell(s,
		client.Lost{Err: errors.New("reset"), RetryIn: 0},
		client.Connecting{Attempt: 1},
		client.Lost{Err: refused, RetryIn: 2 * time.Second},
		client.Connecting{Attempt: 2},
		client.Lost{Err: refused, RetryIn: 2 * time.Second})
	if want := "~ connection lost: reset; retry in 0 s\n~ connection refused; retry in 2 s"; log != want {
		t.Errorf("log is %q", log)
	}
	if s.Link != Lost || !s.Seated || len(s.Players) != 2 || s.MayRoll() || !s.RetryAt.Equal(noon.Add(2*time.Second)) {
		t.Errorf("the table is forgotten while we wait: %+v", s)
	}
	// The same trouble is told again, ever more rarely.
	var told []time.Duration
	for at := time.Second; at < time.Minute; at += time.Second {
		if len(s.Apply(client.Lost{Err: refused}, noon.Add(at))) > 0 {
			told = append(told, at)
		}
	}
	if want := []time.Duration{5 * time.Second, 15 * time.Second, 35 * time.Second}; !slices.Equal(told, want) {
		t.Errorf("told of trouble after %v, want %v", told, want)
	}
	tell(s, client.Lost{Err: refused, RetryIn: 2 * time.Second})
	// Back: who was there already is no news, who came and who left meanwhile shows.
	log = tell(s, client.Connected{}, sat(9, 2), sat(7, 1), client.Resumed{Place: client.Place{Room: 1, Seat: 1}})
	if want := "· player 9 sits down in seat 2\n~ back at the table, seat 1"; log != want {
		t.Errorf("log is %q", log)
	}
	if _, still := s.Players[8]; still || len(s.Players) != 2 {
		t.Errorf("players are %+v", s.Players)
	}
	log = tell(s, client.NotResumed{Err: errors.New("closed")})
	if s.Seated || s.Wants || !strings.Contains(log, "could not sit down again: closed") {
		t.Errorf("%q: %+v", log, s)
	}
	tell(s, client.Closed{Err: client.ErrReplaced})
	if s.Link != Closed {
		t.Errorf("scene is %+v", s)
	}
}

func TestNeverConnected(t *testing.T) {
	s := New(7, client.Place{Game: "dice", Room: 1})
	s.Target = "gate ws://host"
	log := tell(s, client.Connecting{Attempt: 1}, client.Lost{Err: errors.New("connect to gate ws://host: connection refused"), RetryIn: time.Second},
		client.Closed{Err: &client.HandshakeError{Status: 401, Text: "no"}})
	want := "~ can't reach the gate ws://host: connection refused; retry in 1 s\n" +
		"✗ closed: the gate answered with HTTP status 401: no; is the token signed with the JWT_KEY of the server, and not expired?"
	if log != want || !s.Stranger() || s.Server() != "gate" {
		t.Errorf("log is %q", log)
	}
}

func TestAnotherRoom(t *testing.T) {
	s := seated()
	s.SitAt(5)
	if log, want := tell(s, sat(7, 1)), "· you sit down in room 5, seat 1"; log != want || len(s.Players) != 1 {
		t.Errorf("log is %q, want %q", log, want)
	}
	s.SitAt(5)
	if log := tell(s, sat(7, 1)); log != "" {
		t.Errorf("where we sit already: %q", log)
	}
	s.SitAt(1)
	if log, want := tell(s, sat(7, -1)), "· you come to watch room 1"; log != want {
		t.Errorf("log is %q, want %q", log, want)
	}
}

func TestDisbanded(t *testing.T) {
	s := seated()
	log := tell(s, said(wire.Command_NOTICE, &wire.Notice{Text: "closing\x1b[2J soon"}),
		said(wire.Command_DISCONNECT, &wire.Int32{Value: int32(wire.DisconnectReason_DISBANDED)}))
	if want := "! closing[2J soon\n! the room is closed"; log != want {
		t.Errorf("log is %q", log)
	}
	if s.Seated || s.Next(noon) != Sit {
		t.Errorf("scene is %+v", s)
	}
}

func TestNext(t *testing.T) {
	s := seated()
	s.Length = 30 * time.Second
	s.Ends = noon.Add(s.Length)
	if got := s.Next(noon); got != Wait {
		t.Errorf("at the start: %v", got)
	}
	if got := s.Next(noon.Add(2 * time.Second)); got != Roll {
		t.Errorf("after two seconds: %v", got)
	}
	tell(s, said(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 7, Points: 1}))
	if got := s.Next(noon.Add(2 * time.Second)); got != Wait {
		t.Errorf("rolls twice: %v", got)
	}
	s.Link = Lost
	if got := s.Next(noon); got != Wait {
		t.Errorf("without a connection: %v", got)
	}
}

func TestHostileNumbers(t *testing.T) {
	s := seated()
	tell(s, sat(9, 1<<30),
		said(wire.Command_DICE_START, &wire.DiceStart{LengthMs: -1 << 63}),
		said(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{IdleMs: 1<<63 - 1, Winners: []int64{404}}),
		said(wire.Command_ONLINE, &wire.Int64{Value: -1 << 63}))
	if s.Seats > maxSeat+1 || s.Length < 0 || s.Left(noon) < 0 {
		t.Errorf("scene is %+v", s)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                 "plain",
		"\x1b]0;title\x07 bell": "]0;title bell",
		"a\r\nb\tc":             "a b c",
		"\xff\xfe":              "?",
		"\u202eevil":            "evil",
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := len(Clean(strings.Repeat("x", 1<<20))); got > longest {
		t.Errorf("a text of %d characters", got)
	}
	if got := CleanLines("a\n b\x00"); got != "a\n b" {
		t.Errorf("lines became %q", got)
	}
}

func TestTheSceneSaysHowManySeatsThereAre(t *testing.T) {
	for _, c := range []struct {
		said int32
		want int
	}{{2, 2}, {6, 6}, {0, StandardSeats}, {1 << 30, StandardSeats}, {-1, StandardSeats}} {
		s := New(7, client.Place{Game: "dice", Room: 1})
		tell(s, client.Connecting{Attempt: 1}, client.Connected{}, sat(7, 1),
			said(wire.Command_DICE_SCENE, &wire.DiceScene{InRound: true, LeftMs: 20_000, Seats: c.said}))
		if s.Seats != c.want {
			t.Errorf("a scene of %d seats: %d are drawn, want %d", c.said, s.Seats, c.want)
		}
	}
}

// first is a message that is the first on a new way to a room.
func first(op wire.Command, body *wire.User, room int64) client.Event {
	body.Meta = &wire.Meta{Epoch: 9, Seq: 5, Server: "v2", Room: room}
	return said(op, body)
}

// A room that changes its server goes on as it was, on the screen too.
func TestARoomMoves(t *testing.T) {
	s := seated()
	log := tell(s,
		said(wire.Command_NOTICE, &wire.Notice{Kind: wire.Notice_MOVING, Text: "soon elsewhere"}),
		said(wire.Command_NOTICE, &wire.Notice{Kind: wire.Notice_MOVING, Text: "soon elsewhere"}),
		first(wire.Command_SIT_DOWN, &wire.User{Id: 9, Seat: 3, Online: true}, 1), // a newcomer
		said(wire.Command_DICE_SHAKE, &wire.DiceShake{User: 7, Points: 5, Round: 3}))
	if want := "~ soon elsewhere\n· player 9 sits down in seat 3\n· you roll a 5"; log != want {
		t.Errorf("log is %q", log)
	}
	if len(s.Players) != 3 || s.Dice[7] != 5 || !s.Rolled(8) {
		t.Errorf("scene is %+v", s)
	}
	// Its server dies, and the next one shows the room anew. Player 8 has left meanwhile.
	log = tell(s, first(wire.Command_SIT_DOWN, &wire.User{Id: 9, Seat: 3, Online: true}, 1), sat(7, 1))
	if want := "~ the room is at another server now"; log != want || len(s.Players) != 3 || s.Phase != Rolling {
		t.Errorf("log is %q, scene is %+v", log, s)
	}
	log = tell(s, said(wire.Command_DICE_SCENE, &wire.DiceScene{InRound: true, LeftMs: 9_000, Round: 3, Dice: map[int64]int32{7: 5}}))
	if _, there := s.Players[8]; log != "" || there || len(s.Players) != 2 || !s.Rolled(7) || s.MayRoll() {
		t.Errorf("log is %q, scene is %+v", log, s)
	}
}

func TestARoomStandsStill(t *testing.T) {
	s := seated()
	wait := said(wire.Command_NOTICE, &wire.Notice{Kind: wire.Notice_WAITING, Text: "wait"})
	if log := tell(s, wait, wait); log != "~ wait" || !s.Still || s.MayRoll() || s.Left(noon.Add(time.Hour)) != 20*time.Second {
		t.Errorf("log is %q, scene is %+v", log, s)
	}
	log := tell(s, said(wire.Command_DICE_SCENE, &wire.DiceScene{InRound: true, LeftMs: 8_000, Round: 3}))
	if log != "~ the room goes on" || s.Still || !s.MayRoll() || s.Left(noon) != 8*time.Second {
		t.Errorf("log is %q, scene is %+v", log, s)
	}
}

func TestPlayersChangeSeats(t *testing.T) {
	s := seated()
	log := tell(s, sat(8, 3), sat(8, -1), sat(8, 0), sat(7, -1), sat(7, 2))
	want := "· player 8 moves to seat 3\n· player 8 goes to the bench\n· player 8 takes seat 0\n· you go to the bench\n· you take seat 2"
	if log != want || !s.MayRoll() {
		t.Errorf("log is %q", log)
	}
}

func TestAnyRoomHasANumber(t *testing.T) {
	s := New(7, client.Place{Game: "dice"})
	log := tell(s, client.Connecting{Attempt: 1}, client.Connected{}, first(wire.Command_SIT_DOWN, &wire.User{Id: 7, Seat: 1, Online: true}, 123456))
	if !strings.Contains(log, "you sit down in room 123456, seat 1") || s.Room != 123456 {
		t.Errorf("log is %q", log)
	}
}
