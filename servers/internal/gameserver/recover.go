package gameserver

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"croupier/servers/internal/directory"
	"croupier/servers/internal/room"
)

const (
	// mostRecovering is how many rooms of a dead server are taken over at a time.
	mostRecovering = 16
	// firstSearch is how long after its start a server looks for rooms that nobody owns: by then it
	// knows who is alive. So it does after a search that failed, or that came too soon. searchEvery is the least time from then on.
	firstSearch = 3 * time.Second
	searchEvery = time.Minute
)

// recoverRooms takes over what servers leave behind that die, until ctx ends. Players who come for
// such a room do not wait for this: see fill. It is for rooms that nobody comes for, whose rounds
// have to end all the same.
func (s *Server) recoverRooms(ctx context.Context) {
	search := time.NewTimer(firstSearch)
	defer search.Stop()
	for {
		var entries []directory.Entry
		var err error
		settled := true
		select {
		case dead := <-s.dir.Lapsed():
			entries, err = s.dir.Owned(ctx, dead.ID)
		case <-search.C:
			search.Reset(searchEvery + rand.N(searchEvery/4)) // all servers read all entries, but not at once
			settled = s.dir.Settled()
			entries, err = s.dir.Orphans(ctx)
			settled = settled && s.dir.Settled()
		case <-ctx.Done():
			return
		}
		if !settled || err != nil {
			search.Reset(firstSearch + rand.N(firstSearch))
		}
		if err != nil && ctx.Err() == nil {
			s.config.Log.Warn("rooms of dead servers not found: they wait for their players, or for the next search", "err", err)
		}
		s.adopt(ctx, entries)
	}
}

// adopt takes over those of the entries that this server ranks first for.
func (s *Server) adopt(ctx context.Context, entries []directory.Entry) {
	slots := make(chan struct{}, mostRecovering)
	for _, entry := range entries {
		if s.Cordoned() || !s.ranksFirst(entry.Key) {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		s.spawn(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, usherPatience)
			defer cancel()
			b, err := s.find(ctx, place{entry.Game, entry.Room}, true, nil)
			var taken *redirect
			if err == nil {
				s.closeEmpty(b) // its owner died before anybody was in it
			}
			if err != nil && !errors.As(err, &taken) && !errors.Is(err, errGone) {
				s.config.Log.Warn("room not taken over", "game", entry.Game, "room", entry.Room, "err", err)
			}
		})
	}
}

// dropStale ends the rooms that others have taken while this server was not heard of. They could do
// no harm: what they change can't be stored. But nothing may have changed in them for long.
func (s *Server) dropStale(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, usherPatience)
	defer cancel()
	open := s.open() // before the directory is asked: a room that opens meanwhile is ours
	entries, err := s.dir.Owned(ctx, s.id)
	if err != nil {
		return err
	}
	ours := make(map[directory.Key]uint64, len(entries))
	for _, entry := range entries {
		ours[entry.Key] = entry.Epoch
	}
	for _, b := range open {
		if ours[b.at.key()] == b.epoch {
			continue
		}
		b.room.Handover(0, func(_ []byte, answer func(room.Outcome)) {
			b.tenure.Renounce()
			s.saved(b, directory.ErrLost, func(error) { answer(room.Taken) })
		})
	}
	return nil
}

// ranksFirst says whether of all servers that may take a room it is for this one to do so
// (rendezvous hashing).
func (s *Server) ranksFirst(key directory.Key) bool {
	own := weight(s.id, key)
	return !slices.ContainsFunc(s.dir.Servers(), func(other directory.Server) bool {
		return s.mayTake(other, key.Game) && weight(other.ID, key) > own
	})
}

func weight(server string, key directory.Key) uint64 {
	h := fnv.New64a()
	h.Write([]byte(server + " " + key.Game + " " + strconv.FormatInt(key.Room, 10)))
	mixed := h.Sum64() // FNV alone leaves neighbours close together
	mixed ^= mixed >> 33
	mixed *= 0xff51afd7ed558ccd
	return mixed ^ mixed>>33
}
