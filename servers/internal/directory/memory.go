package directory

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// A Memory is a Store in this process: for a single game server without NATS, and for tests. Every call is carried out
// before it returns, and its done function runs before, too.
type Memory struct {
	mu      sync.Mutex
	made    uint64
	buckets [3]memoryBucket
	logs    map[string][]memoryItem
	last    uint64 // revision of all logs
	markers bool   // a removed key keeps its last revision, as in JetStream: for tests, as it is never forgotten
}

type memoryBucket struct {
	last     uint64
	items    map[string]memoryItem
	watchers map[int]func(string, []byte)
	watches  int
}

type memoryItem struct {
	value    []byte
	revision uint64
	at       time.Time
}

// leaseTTL is how long the record of a server that says nothing any more is kept.
const leaseTTL = 10 * time.Second

// NewMemory makes a store that lives in this process.
func NewMemory() *Memory {
	m := &Memory{made: uint64(time.Now().UnixMicro()), logs: map[string][]memoryItem{}}
	for i := range m.buckets {
		m.buckets[i].items = map[string]memoryItem{}
		m.buckets[i].watchers = map[int]func(string, []byte){}
	}
	return m
}

func (m *Memory) open() error { return nil }
func (m *Memory) shut()       {}

func (m *Memory) born(context.Context, bucket) (uint64, error) { return m.made, nil }

func (m *Memory) put(b bucket, key string, value []byte, expect uint64, done func(uint64, error)) {
	done(m.write(b, key, slices.Clone(value), expect))
}

func (m *Memory) remove(b bucket, key string, expect uint64, done func(error)) {
	_, err := m.write(b, key, nil, expect)
	done(err)
}

// write stores a value, or removes the key where value is nil.
func (m *Memory) write(b bucket, key string, value []byte, expect uint64) (uint64, error) {
	m.mu.Lock()
	bk := &m.buckets[b]
	if expect != whatever && bk.items[key].revision != expect {
		m.mu.Unlock()
		return 0, errMismatch
	}
	bk.last++
	revision := bk.last
	if value == nil && !m.markers {
		delete(bk.items, key)
	} else {
		bk.items[key] = memoryItem{value, revision, time.Now()}
	}
	var heard []func(string, []byte)
	for _, f := range bk.watchers {
		heard = append(heard, f)
	}
	m.mu.Unlock()
	for _, f := range heard {
		f(key, value)
	}
	return revision, nil
}

func (m *Memory) get(b bucket, key string, done func(item, error)) {
	m.mu.Lock()
	it := m.buckets[b].items[key]
	m.mu.Unlock()
	done(item{key, it.value, it.revision}, nil)
}

func (m *Memory) breaks() uint64 { return 0 }

func (m *Memory) scan(ctx context.Context, b bucket, visit func(item)) (whole bool, err error) {
	m.mu.Lock()
	list := make([]item, 0, len(m.buckets[b].items))
	for key, it := range m.buckets[b].items {
		if b == servers && time.Since(it.at) > leaseTTL {
			delete(m.buckets[b].items, key)
			continue
		}
		if it.value == nil {
			continue
		}
		list = append(list, item{key, it.value, it.revision})
	}
	m.mu.Unlock()
	for _, it := range list {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		visit(it)
	}
	return true, nil
}

func (m *Memory) watch(b bucket, heard func(string, []byte)) (func(), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	bk := &m.buckets[b]
	bk.watches++
	id := bk.watches
	bk.watchers[id] = heard
	return func() {
		m.mu.Lock()
		delete(bk.watchers, id)
		m.mu.Unlock()
	}, nil
}

func (m *Memory) append(journal string, record []byte, expect uint64, done func(uint64, error)) {
	done(m.add(journal, slices.Clone(record), expect))
}

func (m *Memory) add(journal string, record []byte, expect uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	log := m.logs[journal]
	var last uint64
	if len(log) > 0 {
		last = log[len(log)-1].revision
	}
	if expect != whatever && expect != last {
		return 0, errMismatch
	}
	m.last++
	m.logs[journal] = append(log, memoryItem{value: record, revision: m.last})
	return m.last, nil
}

func (m *Memory) replay(ctx context.Context, journal string, last uint64, visit func([]byte)) error {
	m.mu.Lock()
	log := slices.Clone(m.logs[journal])
	m.mu.Unlock()
	for _, it := range log {
		if err := ctx.Err(); err != nil {
			return err
		}
		if it.revision <= last {
			visit(it.value)
		}
	}
	return nil
}

func (m *Memory) purge(journal string, before uint64, done func(error)) {
	m.mu.Lock()
	log := slices.DeleteFunc(m.logs[journal], func(it memoryItem) bool { return it.revision < before })
	m.logs[journal] = log
	if len(log) == 0 {
		delete(m.logs, journal)
	}
	m.mu.Unlock()
	done(nil)
}

func (m *Memory) journals(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.logs)), nil
}
