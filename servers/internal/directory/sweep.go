package directory

import (
	"context"
	"maps"
	"slices"
	"time"
)

// sweepAge is how long a journal has to be named by no entry before it is removed.
const sweepAge = 30 * time.Second

// A doubt is a tenure that has ended after a read that may have been late.
type doubt struct {
	tenure *Tenure
	since  time.Time
}

// A survey is what a scan of all entries tells of journals.
type survey struct {
	named map[string]bool // journals
	ours  map[Key]claimID // entries in this server's name
	self  string
}

func newSurvey(self string) *survey {
	return &survey{named: map[string]bool{}, ours: map[Key]claimID{}, self: self}
}

func (s *survey) see(e *Entry) {
	if e.journal != "" {
		s.named[e.journal] = true
	}
	if e.Server == s.self {
		s.ours[e.Key] = e.claim
	}
}

// sweep removes journals that nobody needs any more. Those of servers that live are theirs to remove. That of a dead
// one is sealed when no entry names it, and removed when, in a later scan, still none does. In between nothing can have come into
// it that anybody was told of; and afterwards, when the seal is gone too, the server's next append names a revision
// that is not there, as the first record was before the first entry.
func (d *Directory) sweep(ctx context.Context, began time.Time, s *survey) {
	names, err := d.store.journals(ctx)
	if err != nil {
		return // next time
	}
	needed := map[string]bool{} // whatever the scan says
	for _, t := range d.stored() {
		needed[t.keptIn()] = true
	}
	d.mu.Lock()
	for key, at := range d.doubtful {
		if began.Sub(at.since) > d.sweepAge && s.ours[key] != at.tenure.claim {
			delete(d.doubtful, key)
		}
	}
	maps.DeleteFunc(d.unnamed, func(name string, _ time.Time) bool { return s.named[name] || !slices.Contains(names, name) })
	var found, gone []string
	for _, name := range names {
		server := journalServer(name)
		switch since, before := d.unnamed[name]; {
		case s.named[name] || server == "" || needed[name]:
		case server == d.id && name == journalName(server, d.journals): // in use, or about to be
		case server != d.id && d.view.alive(time.Now(), server):
			delete(d.unnamed, name)
		case !before:
			found = append(found, name)
		case began.Sub(since) > d.sweepAge:
			gone = append(gone, name)
			delete(d.unnamed, name)
		}
	}
	d.mu.Unlock()
	for _, name := range found {
		if _, err := d.seal(ctx, name); err == nil {
			d.mu.Lock()
			d.unnamed[name] = time.Now()
			d.mu.Unlock()
		}
	}
	for _, name := range gone {
		d.purge(name, whatever, func(error) {}) // else next time
	}
}
