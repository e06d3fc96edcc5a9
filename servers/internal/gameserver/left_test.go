package gameserver

import (
	"log/slog"
	"testing"
	"time"

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

// eventually asks until the answer is yes.
func eventually(t *testing.T, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !yes(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain", patience)
		}
	}
}
