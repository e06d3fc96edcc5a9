package gate

import (
	"testing"
)

func TestTable(t *testing.T) {
	table := newTable()
	count := func() (n int) {
		table.each(func(*session) { n++ })
		return n
	}
	var some []*session
	for n := range 6 { // users 1 and 65 share a shard
		s := &session{user: []int64{1, 65}[n%2]}
		if !table.add(s, 3) {
			t.Fatalf("session %d was refused", n)
		}
		some = append(some, s)
	}
	stranger := &session{user: 1}
	if table.add(stranger, 3) {
		t.Error("a fourth session of a user was taken")
	}
	table.remove(stranger) // it never was there
	if table.len() != 6 || count() != 6 {
		t.Errorf("len %d, each %d, want 6", table.len(), count())
	}
	for n, i := range []int{2, 5, 0, 3, 4, 1} { // middle, ends, last one
		table.remove(some[i])
		table.remove(some[i])
		if want := 5 - n; table.len() != want || count() != want {
			t.Errorf("after removal %d: len %d, each %d, want %d", n, table.len(), count(), want)
		}
	}
	for i := range table.shards {
		if len(table.shards[i].users) != 0 {
			t.Error("an empty table remembers users")
		}
	}
	if !table.add(stranger, 3) {
		t.Error("no place after all have gone")
	}
}
