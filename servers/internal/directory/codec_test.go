package directory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzEntry(f *testing.F) {
	e := Entry{Server: "host-1", Address: "10.0.0.1:7000", Version: "v1", Epoch: 77, journal: "host-1.3", turn: 9}
	f.Add("dice.5", append(appendEntry(nil, claimID{1}, &e), "snapshot"...), uint64(9))
	e.Epoch = 0
	f.Add("co=2Ein.-5", appendEntry(nil, claimID{2}, &e), uint64(9))
	f.Add("dice.1", []byte{entryFormat + 1}, uint64(1))
	f.Add("", []byte{}, uint64(0))
	f.Fuzz(func(t *testing.T, key string, value []byte, revision uint64) {
		e, err := parseEntry(item{key, value, revision}, 1000)
		if err != nil {
			if len(value) > 0 && value[0] > entryFormat && !strings.Contains(err.Error(), "newer") {
				if _, keyErr := parseKey(key); keyErr == nil {
					t.Errorf("a newer entry: %v", err)
				}
			}
			return
		}
		if other, ok := claimOf(value); !ok || other != e.claim {
			t.Error("the claim is another one")
		}
		if name, err := gameKey(e.Game, e.Room); err != nil || name != key {
			t.Errorf("the key is %q %v, and was %q", name, err, key)
		}
		if claimed(value) {
			if e.Epoch != 1000+revision {
				t.Errorf("the epoch of a claiming write is %d", e.Epoch)
			}
			e.Epoch = 0
		}
		// Lengths can be written in more bytes than they need; what was read is what would be written.
		again, err := parseEntry(item{key, append(appendEntry(nil, e.claim, &e), e.Snapshot...), revision}, 1000)
		if claimed(value) {
			e.Epoch = 1000 + revision
		}
		if err != nil || again.Key != e.Key || again.Server != e.Server || again.Address != e.Address || again.Version != e.Version ||
			again.Epoch != e.Epoch || again.began != e.began || again.claim != e.claim || again.journal != e.journal || again.turn != e.turn || !bytes.Equal(again.Snapshot, e.Snapshot) {
			t.Errorf("%+v became %+v %v", e, again, err)
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte{recordFormat})
	f.Add(appendSave(appendSave([]byte{recordFormat}, "dice.5", claimID{1}, 7, []byte("snapshot")), "coin.-1", claimID{2}, 300, nil))
	f.Add([]byte{recordFormat + 1})
	f.Fuzz(func(t *testing.T, record []byte) {
		again := []byte{recordFormat}
		var first []save
		err := parseRecord(record, func(s save) {
			first = append(first, s)
			again = appendSave(again, s.name, s.claim, s.turn, s.snapshot)
		})
		if len(record) > 0 && record[0] > recordFormat != errors.Is(err, ErrNewer) {
			t.Errorf("format %d: %v", record[0], err)
		}
		n := 0
		if err := parseRecord(again, func(s save) {
			if was := first[n]; s.name != was.name || s.claim != was.claim || s.turn != was.turn || !bytes.Equal(s.snapshot, was.snapshot) {
				t.Errorf("%+v became %+v", was, s)
			}
			n++
		}); err != nil || n != len(first) {
			t.Errorf("%d saves, then %d: %v", len(first), n, err)
		}
	})
}

func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "dice", "a.b", "*", ">", "=", "=2E", "ü", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name != "" {
			s := token(name)
			if strings.ContainsAny(s, ".*> \t\r\n\x00") || !utf8.ValidString(s) {
				t.Errorf("%q is written %q", name, s)
			}
			if back, ok := untoken(s); !ok || back != name {
				t.Errorf("%q is written %q, and read %q %v", name, s, back, ok)
			}
		}
		if back, ok := untoken(name); ok && token(back) != name {
			t.Errorf("%q is read %q, and written %q", name, back, token(back))
		}
		if key, err := parseKey(name); err == nil {
			if again, err := gameKey(key.Game, key.Room); err != nil || again != name {
				t.Errorf("%q is read %+v, and written %q %v", name, key, again, err)
			}
		}
	})
}

func FuzzLease(f *testing.F) {
	b, err := encodeLease(lease{Beat: 3, Joined: 4, Server: Server{ID: "a", Vacant: map[string][]int64{"dice": {1, 2}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":2,"server":{"ID":"a"}}`))
	f.Add([]byte(`{"format":1,"server":{"ID":"a","Vacant":{"dice":[1,2,3,4,5,6,7,8,9]}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseLease(b)
		if err != nil {
			return
		}
		if l.Format != leaseFormat || l.Server.ID == "" || len(l.Server.ID) > maxID {
			t.Errorf("taken: %+v", l)
		}
		for game, list := range l.Server.Vacant {
			if len(list) > maxVacant {
				t.Errorf("%d vacant rooms of %q", len(list), game)
			}
		}
	})
}

func FuzzSeat(f *testing.F) {
	f.Add(encodeSeat(5))
	f.Add([]byte{seatFormat + 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if room, err := parseSeat("key", b); err == nil && !bytes.Equal(encodeSeat(room), b) {
			t.Errorf("%x is room %d, and written %x", b, room, encodeSeat(room))
		}
	})
}

// FuzzAnswers: whatever NATS answers is read without a panic, and never taken for a success that it is not.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"stream":"KV_croupier_rooms","seq":12}`))
	f.Add([]byte(`{"stream":"KV_croupier_rooms","seq":12,"domain":"x"}`))
	f.Add([]byte(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"},"stream":"KV_croupier_rooms","seq":0}`))
	f.Add([]byte(`{"message":{"subject":"x","seq":5,"hdrs":"TkFUUy8xLjANCktWLU9wZXJhdGlvbjogREVMDQoNCg==","data":"eA=="}}`))
	f.Add([]byte(`{"error":{"code":404,"err_code":10037}}`))
	f.Add([]byte(`{"created":"2026-01-02T03:04:05Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		seq, err := readAck(b)
		var plain struct {
			Seq   json.Number
			Error *struct{}
		}
		if json.Unmarshal(b, &plain) == nil && err == nil {
			if plain.Error != nil {
				t.Errorf("%s is taken for revision %d", b, seq)
			}
		}
		if err == nil && seq == 0 {
			t.Error("revision 0")
		}
		if it, err := parseGot("key", b); err == nil && it.value != nil && it.revision == 0 {
			t.Errorf("got %+v", it)
		}
		if at, err := parseBorn(b); err == nil && (at == 0 || at > math.MaxInt64) {
			t.Errorf("made at %d", at)
		}
	})
}

func TestAnswers(t *testing.T) {
	var n natsStore
	for answer, want := range map[string]error{
		`{"stream":"KV_croupier_rooms","seq":12}`: nil,
		`{"seq":12}`: nil,
		`{"stream":"KV_croupier_rooms", "seq": 12, "duplicate":false}`:                    nil,
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 5"}}`:  errMismatch,
		`{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"}}`:     errMismatch,
		`{"error":{"code":404,"err_code":10059,"description":"stream not found"}}`:        errUnsent,
		`{"error":{"code":503,"err_code":10008,"description":"temporarily unavailable"}}`: errUnknown,
		`{"error":{"code":503,"err_code":10077,"description":"store is closed"}}`:         errUnknown,
		`{"error":{"code":503,"err_code":10023,"description":"insufficient resources"}}`:  fullError{"raise its max_file_store, or give it a larger disk", &apiError{503, 10023, "insufficient resources"}},
		`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}`:  fullError{"raise the limits of the stream, max_bytes and max_msgs", &apiError{503, 10077, "maximum bytes exceeded"}},
		`{"stream":"KV_croupier_rooms"}`:                                                  errUnknown,
		`{"stream":"KV_croupier_rooms","seq":-1}`:                                         errUnknown,
		`{"stream":"KV_croupier_rooms","seq":123456789012345678901234567890}`:             errUnknown,
		`nonsense`: errUnknown,
	} {
		seq, err := n.parseAck([]byte(answer))
		if !errors.Is(err, want) && fmt.Sprint(err) != fmt.Sprint(want) || want == nil && seq != 12 {
			t.Errorf("%s: %d %v, want %v", answer, seq, err, want)
		}
	}
	if _, err := n.parseAck([]byte(`{"error":{"code":400,"err_code":10054,"description":"too large"}}`)); err == nil || errors.Is(err, ErrAway) {
		t.Errorf("too large: %v", err)
	}
}

func TestLeaseTooLarge(t *testing.T) {
	if _, err := encodeLease(lease{Server: Server{ID: "a", Games: []string{strings.Repeat("x", maxLease)}}}); err == nil {
		t.Error("a huge lease was written")
	}
	if _, err := parseLease(make([]byte, maxLease+1)); err == nil {
		t.Error("a huge lease was read")
	}
}
