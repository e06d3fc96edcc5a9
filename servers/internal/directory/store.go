package directory

import (
	"context"
	"errors"
	"fmt"
)

// A Store keeps the three buckets of the directory (rooms, players, servers) and the servers' journals. It may be shared by several Directories.
// There are two: OpenNATS and NewMemory. All it has to be is a map, and some logs, whose writes are compare-and-set.
//
// Revisions are of the whole bucket: they grow with every write, and are never used twice, also not after a removal.
//
// The done functions run once, on any goroutine, perhaps before the call returns; they must not block. What they get:
// nil, errMismatch, an error that is ErrAway (see below), or another one, which is final.
type Store interface {
	// open and shut are called once by every Directory. What the store runs in the background runs in between.
	open() error
	shut()

	// put writes the value where the key's revision is expect: 0 is a key that never was (see get for one that was
	// removed), whatever is no condition. It may keep value until done.
	put(b bucket, key string, value []byte, expect uint64, done func(revision uint64, err error))
	// remove deletes the key where its revision is expect.
	remove(b bucket, key string, expect uint64, done func(error))
	// get reads the key. value nil: there is none; the revision is then what a put that creates it has to expect.
	get(b bucket, key string, done func(item, error))
	// scan visits every key that has a value, in no order. A key that is written meanwhile may be visited twice, the newer
	// value last. The item is the visitor's to keep. It may be late; whole says that everything was seen that was written
	// before it began.
	scan(ctx context.Context, b bucket, visit func(item)) (whole bool, err error)
	// watch hears of every write from now on, in the order of each writer; value nil is a removal. While the store is away
	// events are lost without a word. heard must not block, and must not keep value.
	watch(b bucket, heard func(key string, value []byte)) (stop func(), err error)
	// born is when the bucket was made, in microseconds since 1970: true at some moment after the call began.
	born(ctx context.Context, b bucket) (uint64, error)

	// append adds a record to a journal whose last record has the revision expect: 0 is a journal without records, whatever is
	// no condition. It may keep record until done.
	append(journal string, record []byte, expect uint64, done func(revision uint64, err error))
	// replay visits the records of a journal in order, up to the one with the revision last, which must have been added before. A record is the visitor's
	// to keep.
	replay(ctx context.Context, journal string, last uint64, visit func(record []byte)) error
	// purge removes the records of a journal that are older than the revision before; whatever: all.
	purge(journal string, before uint64, done func(error))
	// breaks counts how often the connection to the store was made anew. Whoever is there then may have forgotten what it
	// acknowledged last.
	breaks() uint64
	// journals lists those that have records.
	journals(ctx context.Context) ([]string, error)
}

type bucket int

const (
	rooms bucket = iota
	players
	servers
)

const whatever = ^uint64(0)

type item struct {
	key      string
	value    []byte
	revision uint64
}

// errMismatch: the key has another revision, or another write of it is under way. Nothing was written.
var errMismatch = errors.New("the revision is another one")

// Two ways of being away: unsent was certainly not carried out, unknown may have been, or may be yet: a write can still
// wait in a socket, and be carried out after a later read. What makes this harmless is that it is compare-and-set, too.
var (
	errUnsent  = fmt.Errorf("not sent: %w", ErrAway)
	errUnknown = fmt.Errorf("sent, and not answered: %w", ErrAway)
)

// A fullError is a third way: the store has no space for what is written, though it can be read. In a cluster of NATS servers others may
// have had space, so this is unknown, too.
type fullError struct {
	advice string
	cause  error
}

func (e fullError) Error() string {
	return fmt.Sprintf("NATS has no space left: %s: %v", e.advice, e.cause)
}
func (e fullError) Unwrap() error { return errUnknown }

func isFull(err error) bool {
	var full fullError
	return errors.As(err, &full)
}
