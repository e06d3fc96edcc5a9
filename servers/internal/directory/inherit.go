package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Inherit returns an entry with the snapshot that its owner saved last: who means to take the room over from a dead server
// claims it with that. From then on that server can save nothing in the journal that the entry names; if it lives after
// all, its rooms that nobody has claimed go on there, saved in their entries. ErrAway where ctx ended first; ErrNewer where a newer server
// wrote what was saved.
func (d *Directory) Inherit(ctx context.Context, e Entry) (Entry, error) {
	if e.journal == "" {
		return e, nil
	}
	name, err := gameKey(e.Game, e.Room)
	if err != nil {
		return Entry{}, err
	}
	saves, err := d.estate(ctx, e.journal)
	if err != nil {
		return Entry{}, fmt.Errorf("read what server %s saved last: %w", e.Server, err)
	}
	if last, ok := saves[saveKey{name, e.claim}]; ok && last.turn > e.turn {
		e.Snapshot, e.turn = bytes.Clone(last.snapshot), last.turn
	}
	return e, nil
}

type saveKey struct {
	name  string
	claim claimID
}

// An estate is what is in a sealed journal: the last save of each room. A dead server's rooms are taken over within
// seconds, so it is read once for all of them.
type estate struct {
	read  chan struct{} // closed when saves or err is set
	saves map[saveKey]save
	err   error
}

// estateAge is how long an estate is kept: nothing can be added to a sealed journal.
const estateAge = 30 * time.Second

// estatePatience is how long it may take to read one. It is not the callers' patience: who comes again finds it read, or being read.
const estatePatience = time.Minute

func (d *Directory) estate(ctx context.Context, journal string) (map[saveKey]save, error) {
	d.mu.Lock()
	es, known := d.estates[journal]
	if !known && d.ended {
		d.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrAway, errClosed)
	}
	if !known {
		es = &estate{read: make(chan struct{})}
		d.estates[journal] = es
		d.loop.Go(func() { d.fillEstate(es, journal) })
	}
	d.mu.Unlock()
	select {
	case <-es.read:
		return es.saves, es.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrAway, ctx.Err())
	}
}

func (d *Directory) fillEstate(es *estate, journal string) {
	ctx, cancel := context.WithTimeout(context.Background(), estatePatience)
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	d.loop.Go(func() {
		select {
		case <-d.stop:
			cancel()
		case <-over:
		}
	})
	es.saves, es.err = d.readEstate(ctx, journal)
	forget := func() {
		d.mu.Lock()
		delete(d.estates, journal)
		d.mu.Unlock()
	}
	if es.err != nil {
		forget()
	} else {
		d.timers.after(estateAge, forget)
	}
	close(es.read)
}

// readEstate seals a journal, and only then reads it.
func (d *Directory) readEstate(ctx context.Context, journal string) (map[saveKey]save, error) {
	var revision uint64
	for tries := 0; ; tries++ {
		var err error
		if revision, err = d.seal(ctx, journal); err == nil {
			break
		}
		if !errors.Is(err, ErrAway) {
			return nil, err
		}
		if err := d.pause(ctx, 0, tries+1); err != nil {
			return nil, err
		}
	}
	for tries := 0; ; tries++ {
		saves := map[saveKey]save{}
		var newer error
		mangled := 0
		err := d.store.replay(ctx, journal, revision, func(record []byte) {
			switch err := parseRecord(record, func(s save) {
				if key := (saveKey{s.name, s.claim}); s.turn >= saves[key].turn {
					saves[key] = s
				}
			}); {
			case errors.Is(err, ErrNewer):
				newer = err
			case err != nil:
				mangled++
			}
		})
		if mangled > 0 {
			d.log.Error("records of a dead server's journal cannot be read; its rooms go on from what was saved before", "journal", journal, "records", mangled)
		}
		switch {
		case err == nil && newer == nil:
			return saves, nil
		case err == nil:
			return nil, newer
		case !errors.Is(err, ErrAway):
			return nil, err
		}
		if err := d.pause(ctx, 0, tries+1); err != nil {
			return nil, err
		}
	}
}
