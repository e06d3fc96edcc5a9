package directory

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A journal is where the rooms of a server are saved between two writes of their entries: records that carry the snapshots
// of all rooms that changed meanwhile, one record under way at a time (group commit). A save in a
// record of its own costs the NATS server 65 us, most of it per message; at a thousand saves a second and more they share it.
//
// It is fenced as a whole, by the revision of its last record, and used until the first append that is not known to have
// succeeded. Then it is over, for good: the saves in it that were not answered are made again as writes of the entries,
// each fenced by itself, and these name the next journal.
type journal struct {
	d      *Directory
	name   string
	breaks uint64 // of the store's connection, when the journal was opened

	mu      sync.Mutex
	over    bool
	last    uint64 // revision of the last record
	busy    bool   // a record is under way, or waits for its time
	sent    time.Time
	queue   []*batch
	spare   []byte // the buffer of a record that is stored
	written uint64 // bytes of records so far
	kept    uint64 // written, when what is still kept began
	marks   []mark
	packing bool
	cut     mark   // while it is packed: what is older is removed in the end. It stays, though what is copied is written, too
	packed  uint64 // what had to be copied last time, in bytes
}

// A batch is a record that is being gathered, or is under way.
type batch struct {
	record []byte
	saves  []*Tenure
	copies []*Tenure
}

// A mark says how much had been written when a record was.
type mark struct{ revision, written uint64 }

const (
	// maxBatch is where a record ends, in bytes; only a single snapshot can make it longer. Larger snapshots are saved
	// in their entries.
	maxBatch = 256 << 10
	// packAt is how much a journal keeps, in bytes, before what is no longer needed of it is removed: a server that takes
	// a dead one's rooms over has to read it all.
	packAt = 16 << 20
	// packPause is the time between two steps of that.
	packPause = 20 * time.Millisecond
	// gather is the shortest time between two records, and so what a save waits at most on a busy server, besides the store's
	// answer; one that comes alone does not wait. A record costs 150 to 250 us of CPU, here and at the NATS server, whether it
	// has 500 bytes or 20,000. Longer than this saves little: from 8 to 16 ms a save went from 18 us to 13 in BenchmarkSavePaced.
	gather = 8 * time.Millisecond
)

// journalName is the name of a server's journal number n.
func journalName(id string, n int) string { return token(id) + "." + strconv.Itoa(n) }

// journalServer is the other way; "" where it is no journal's name.
func journalServer(name string) string {
	at := strings.LastIndexByte(name, '.')
	if at < 0 {
		return ""
	}
	id, ok := untoken(name[:at])
	if n, err := strconv.Atoi(name[at+1:]); !ok || err != nil || name != journalName(id, n) {
		return ""
	}
	return id
}

// openJournal makes this server's next journal. Until it is there, rooms are saved in their entries.
func (d *Directory) openJournal() {
	d.mu.Lock()
	d.journals++
	j := &journal{d: d, name: journalName(d.id, d.journals)}
	d.mu.Unlock()
	d.tryJournal(j, 0)
}

// endJournal gives the journal up, because the store was away. It may have forgotten entries meanwhile (a loss of power), which appends
// to a journal would not notice: every room's next save proves its entry again.
func (d *Directory) endJournal() {
	if j := d.journal.Load(); j != nil {
		j.end(&batch{}, ErrAway)
	}
}

func (d *Directory) tryJournal(j *journal, tries int) {
	j.breaks = d.store.breaks()
	// The first record is there before any entry names the journal, so that the journal has a revision to be fenced by
	// even where all of it is removed: see sweep.
	d.append(j.name, []byte{recordFormat}, 0, func(revision uint64, err error) {
		switch {
		case err == nil:
			j.last = revision
			d.journal.Store(j)
		case errors.Is(err, errMismatch): // an earlier try was carried out, and nobody knows its revision
			d.openJournal()
		default:
			d.timers.after(delay(0, tries+1), func() { d.tryJournal(j, tries+1) })
		}
	})
}

func (j *journal) named() string {
	if j == nil {
		return ""
	}
	return j.name
}

// add takes a save that Tenure.Save has begun. False: the journal is over.
func (j *journal) add(t *Tenure) bool {
	j.mu.Lock()
	if j.over {
		j.mu.Unlock()
		return false
	}
	b := j.room(len(t.snapshot))
	b.record = appendSave(b.record, t.name, t.claim, t.turn, t.snapshot)
	b.saves = append(b.saves, t)
	j.mu.Unlock()
	j.flush()
	return true
}

// room is the batch that takes the next save. j.mu is held.
func (j *journal) room(size int) *batch {
	if n := len(j.queue); n > 0 && len(j.queue[n-1].record)+size <= maxBatch {
		return j.queue[n-1]
	}
	b := &batch{record: append(j.spare[:0], recordFormat)}
	j.spare = nil
	j.queue = append(j.queue, b)
	return b
}

// flush sees to it that what waits is appended, as soon as it is time and no other record is under way.
func (j *journal) flush() {
	j.mu.Lock()
	if j.busy || j.over || len(j.queue) == 0 {
		j.mu.Unlock()
		return
	}
	j.busy = true
	wait := gather - time.Since(j.sent)
	if len(j.queue) > 1 { // the first one is full
		wait = 0
	}
	j.mu.Unlock()
	j.d.timers.after(max(wait, 0), j.send)
}

func (j *journal) send() {
	j.mu.Lock()
	if j.over || len(j.queue) == 0 {
		j.busy = false
		j.mu.Unlock()
		return
	}
	b := j.queue[0]
	j.queue = slices.Delete(j.queue, 0, 1)
	last := j.last
	j.sent = time.Now()
	j.mu.Unlock()
	if j.breaks != j.d.store.breaks() {
		j.end(b, fmt.Errorf("%w: the connection was made anew", ErrAway))
		return
	}
	j.d.append(j.name, b.record, last, func(revision uint64, err error) { j.appended(b, revision, err) })
}

func (j *journal) appended(b *batch, revision uint64, err error) {
	if err != nil {
		j.end(b, err)
		return
	}
	for _, t := range b.saves {
		t.journaled(j, revision)
	}
	for _, t := range b.copies {
		t.copied(j, revision)
	}
	j.mu.Lock()
	j.busy, j.last, j.spare = false, revision, b.record
	j.written += uint64(len(b.record))
	limit := j.d.packAt
	if n := len(j.marks); n == 0 || j.written-j.marks[n-1].written > limit/16 {
		j.marks = append(j.marks, mark{revision, j.written})
	}
	pack := j.written-j.kept > max(limit, j.packed) && !j.packing && !j.over
	j.packing = j.packing || pack
	j.mu.Unlock()
	j.flush()
	if pack {
		j.d.timers.after(time.Nanosecond, j.pack)
	}
	for _, t := range b.saves {
		t.finish(nil)
	}
}

// end gives the journal up. What was under way or waits in it is written to the entries instead.
func (j *journal) end(b *batch, err error) {
	j.mu.Lock()
	j.over = true
	left := append([]*batch{b}, j.queue...)
	j.queue = nil
	j.mu.Unlock()
	if j.d.journal.CompareAndSwap(j, nil) {
		if !errors.Is(err, ErrAway) {
			j.d.log.Info("the journal was ended: a server took this one for dead, or the store lost it; the rooms here go on, unless they were taken", "journal", j.name, "err", err)
		}
		j.d.openJournal()
	}
	for _, b := range left {
		for _, t := range b.copies {
			t.copied(nil, 0)
		}
		for _, t := range b.saves {
			t.saveEntry()
		}
	}
}

// pack removes the older part of the journal, once no room needs it any more: what was saved there last, and not again since, is
// copied to the journal's end; not more than fits into one record at a time, as saves wait behind it.
func (j *journal) pack() {
	j.mu.Lock()
	if j.cut.revision == 0 {
		for _, m := range j.marks {
			if j.written-m.written >= j.d.packAt/4 {
				j.cut = m
			}
		}
		j.packed = 0
	}
	cut, over := j.cut, j.over
	j.mu.Unlock()
	if over {
		return
	}
	left, copied := false, 0
	if cut.revision != 0 {
		for _, t := range j.d.stored() {
			if t.needs(j, cut.revision) {
				left = true
				if copied < maxBatch/2 {
					copied += j.copy(t)
				}
			}
		}
	}
	if left {
		j.flush()
		j.d.timers.after(packPause, j.pack)
		return
	}
	if cut.revision != 0 {
		j.d.purge(j.name, cut.revision, func(error) {}) // what is left is removed next time
	}
	j.mu.Lock()
	j.packing, j.cut = false, mark{}
	j.kept = j.written
	j.marks = slices.DeleteFunc(j.marks, func(m mark) bool { return m.revision < cut.revision })
	j.mu.Unlock()
}

// copy saves once more what a tenure has saved before, if it does not save anyhow. It returns the bytes of that.
func (j *journal) copy(t *Tenure) (size int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done != nil || t.copying || j.over {
		return 0
	}
	t.copying = true
	b := j.room(len(t.snapshot))
	b.record = appendSave(b.record, t.name, t.claim, t.turn, t.snapshot)
	b.copies = append(b.copies, t)
	j.packed += uint64(len(t.snapshot))
	return len(t.snapshot)
}

// stored lists the tenures whose last save may still be needed from a journal.
func (d *Directory) stored() []*Tenure {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*Tenure, 0, len(d.tenures)+len(d.doubtful))
	for _, t := range d.tenures {
		list = append(list, t)
	}
	for _, at := range d.doubtful {
		list = append(list, at.tenure)
	}
	return list
}
