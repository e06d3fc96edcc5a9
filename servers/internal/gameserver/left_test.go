package gameserver

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"croupier/servers/internal/bus"
	"croupier/servers/internal/directory"
	"croupier/servers/internal/room"
	"croupier/servers/internal/trunk"
)

// Who asks for a room and leaves before it is open leaves nothing behind: else one player could open
// rooms until the server holds no more.
func TestWhoLeavesBeforeTheRoomIsOpen(t *testing.T) {
	opening, goOn := make(chan struct{}), make(chan struct{})
	one := run(t, directory.NewMemory(), func(c *Config) {
		kind := c.Games["dice"]
		open := kind.New
		kind.New = func() room.Game {
			opening <- struct{}{}
			<-goOn
			return open()
		}
		c.Games["dice"] = kind
	})
	g := attach(t, one)
	for _, asked := range []int64{5, 0} {
		lane := g.open(&trunk.Open{User: 7, Game: "dice", Room: asked, Seat: -1, Request: 1})
		<-opening
		g.put(lane, trunk.KindShut, []byte{byte(trunk.ReasonLost)})
		g.open(&trunk.Open{User: 8, Game: "dice", Room: 1, Seat: -2}) // is refused after the Shut was read
		g.until(trunk.KindShut, 0)
		goOn <- struct{}{}
		eventually(t, func() bool { return one.count() == 0 })
		eventually(t, func() bool {
			held, err := one.dir.Seat(t.Context(), "dice", 7)
			return err == nil && held == 0
		})
	}
}

// A server that dies between its claim of a room and the first player leaves no room behind either.
func TestOrphanWithoutAPlayer(t *testing.T) {
	store := directory.NewMemory()
	other, err := directory.Join(t.Context(), store, directory.Server{ID: "other", Address: "127.0.0.1:1"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Claim(t.Context(), directory.Key{Game: "dice", Room: 3}, 0, nil); err != nil {
		t.Fatal(err)
	}
	one := run(t, store)
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		_, err := one.dir.Look(t.Context(), directory.Key{Game: "dice", Room: 3})
		return err == directory.ErrNone && one.count() == 0
	})
}

// A claim that another server has replaced is not believed any more.
func TestClaimThatWasReplaced(t *testing.T) {
	store := directory.NewMemory()
	one, two := run(t, store), run(t, store)
	attach(t, one).sit(1, 5)
	one.mu.Lock()
	b := one.rooms[place{"dice", 5}]
	one.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := one.claim(ctx, b, 7); err != nil { // who has a claim is not in the room yet
		t.Fatal(err)
	}
	attach(t, two).sit(7, 6)
	if one.known(7, wish{at: b.at}) != nil {
		t.Error("who sits in room 6 would be let into room 5 without a claim")
	}
}

// What a newer server has written is left to it: the gate asks the next one.
func TestWhatANewerServerHasWritten(t *testing.T) {
	embedded, err := bus.Embed("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(embedded.Close)
	conn, err := bus.Dial(t.Context(), embedded.URL(), t.Name(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	store, err := directory.OpenNATS(t.Context(), conn, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"$KV.croupier_rooms.dice.5", "$KV.croupier_players.dice.8"} {
		if _, err := conn.Request(subject, []byte{99, 1, 2, 3}, patience); err != nil {
			t.Fatal(err)
		}
	}
	g := attach(t, run(t, store))
	for _, o := range []*trunk.Open{{User: 7, Game: "dice", Room: 5}, {User: 8, Game: "dice", Room: 6}, {User: 8, Game: "dice"}} {
		o.Seat, o.Request = -1, 1
		g.open(o)
		if h := g.next(); h.Kind != trunk.KindShut || h.reason != trunk.ReasonCordoned {
			t.Errorf("%v is answered by a frame of kind %d, %v, for reason %d", o, h.Kind, h.said, h.reason)
		}
	}
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !yes(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain", patience)
		}
	}
}
