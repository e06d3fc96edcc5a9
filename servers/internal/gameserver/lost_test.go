package gameserver

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"croupier/servers/internal/directory"
	"croupier/servers/wire"
)

// pages is a log that a test reads.
type pages struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *pages) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *pages) find(pattern string) [][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return regexp.MustCompile(pattern).FindAllStringSubmatch(p.b.String(), -1)
}

// Rooms that another server takes from one that lives end there, and the log counts them instead of naming each.
func TestLostRooms(t *testing.T) {
	const rooms = 50
	store, log := directory.NewMemory(), new(pages)
	one := run(t, store, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
	g := attach(t, one)
	var lanes []uint64
	for n := int64(1); n <= rooms; n++ {
		lane, _ := g.sit(n, n)
		lanes = append(lanes, lane)
	}
	other, err := directory.Join(t.Context(), store, directory.Server{ID: "other", Address: "127.0.0.1:1"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Sever)
	take := func(key directory.Key) error {
		e, err := other.Look(t.Context(), key)
		if err == nil {
			e, err = other.Inherit(t.Context(), e)
		}
		if err == nil {
			_, err = other.Claim(t.Context(), key, e.Revision, e.Snapshot)
		}
		return err
	}
	for n := int64(1); n <= rooms; n++ {
		err := directory.ErrConflict // the room was saved meanwhile
		for errors.Is(err, directory.ErrConflict) {
			err = take(directory.Key{Game: "dice", Room: n})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, lane := range lanes {
		g.say(lane, wire.Command_DICE_SHAKE, &wire.Int32{Value: 5}, 2)
	}
	eventually(t, func() bool { return one.count() == 0 })
	eventually(t, func() bool {
		told := 0
		for _, line := range log.find(`level=WARN msg="rooms ended here.* rooms=(\d+)`) {
			n, _ := strconv.Atoi(line[1])
			told += n
		}
		return told == rooms
	})
	if lines := len(log.find("level=WARN")); lines > rooms/2 {
		t.Errorf("%d warnings for %d rooms", lines, rooms)
	}
}
