package push

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"croupier/servers/wire"
)

// A goroutine that outlives every test is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheck(t *testing.T) {
	text, err := Text("Your prize is here")
	if err != nil {
		t.Fatal(err)
	}
	for _, good := range [][]byte{text, {0, 0, 0, 7}, {0, 0, 0x03, 0x84, 0x08, 1}, append([]byte{0, 0, 0, 9, 0x0a, 0xf9, 0x7f}, make([]byte, MaxPayload-7)...)} {
		if err := Check(good); err != nil {
			t.Errorf("%d bytes: %v", len(good), err)
		}
	}
	for name, bad := range map[string][]byte{
		"empty":        nil,
		"no opcode":    {0, 0, 7},
		"opcode 0":     {0, 0, 0, 0, 0x08, 1},
		"cut short":    {0, 0, 0, 7, 0x08},
		"longer field": {0, 0, 0, 7, 0x12, 5, 'x'},
		"rubbish":      {0, 0, 0, 7, 0xff, 0xff},
		"too long":     append([]byte{0, 0, 0, 9, 0x0a, 0xfa, 0x7f}, make([]byte, MaxPayload-6)...),
	} {
		if err := Check(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", " \n", "\xff"} {
		if _, err := Text(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("text %q: %v", bad, err)
		}
	}
}

func TestTarget(t *testing.T) {
	for _, good := range []Target{{All: true}, {Users: []int64{1, math.MaxInt64, 1}}} {
		if err := good.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []Target{{}, {All: true, Users: []int64{1}}, {Users: []int64{1, 0}}, {Users: []int64{-1}}, {Users: make([]int64, MaxUsers+1)}} {
		if bad.Check() == nil {
			t.Errorf("%v %d users are taken", bad.All, len(bad.Users))
		}
	}
}

// FuzzSubject: a subject that is read is the one that is written for that user.
func FuzzSubject(f *testing.F) {
	f.Add("croupier.push.user.7")
	f.Add("croupier.push.all")
	f.Add("croupier.push.user.-7")
	f.Add("croupier.push.user.")
	f.Fuzz(func(t *testing.T, text string) {
		user, err := addressee(text)
		switch {
		case err != nil && !errors.Is(err, ErrMalformed):
			t.Fatal(err)
		case err == nil && user < 0, err == nil && user == 0 && text != all:
			t.Fatalf("%q is for %d", text, user)
		case err == nil && user > 0:
			if again, err := addressee(subject(user)); err != nil || again != user {
				t.Fatalf("%q is for %d, whose subject is for %d %v", text, user, again, err)
			}
		}
	})
}

// FuzzCheck: what passes is a message that any program can decode, as far as its form goes.
func FuzzCheck(f *testing.F) {
	f.Add([]byte{0, 0, 0, 7, 0x12, 2, 'h', 'i'})
	f.Add([]byte{0, 0, 0, 99, 0x0b, 0x0c})
	f.Add([]byte("00\xae\xac\b\xc5\b\xc5\x9b\xee\xcf\x12\x30\x30\x58\xb2")) // a field's number above the largest
	f.Fuzz(func(t *testing.T, message []byte) {
		if Check(message) != nil {
			return
		}
		if len(message) > MaxPayload {
			t.Fatalf("%d bytes pass", len(message))
		}
		op, body, err := wire.Split(message)
		if err != nil || op == 0 {
			t.Fatalf("%x passes: %v %v", message, op, err)
		}
		// 9999 is nobody's opcode: its message is an Empty that keeps all fields; Meta alone is read.
		if m, err := wire.Decode(9999, body); err != nil && !bytes.Contains(body, []byte{0x7a}) {
			t.Fatalf("%x passes: %v %v", message, m, err)
		}
	})
}

// FuzzTally: answers are bytes from the bus.
func FuzzTally(f *testing.F) {
	f.Add("inbox.0", []byte(`{"gate":"a","sessions":1}`))
	f.Add("inbox.9", []byte(`{"sessions":-1}`))
	f.Add("", []byte(`null`))
	f.Fuzz(func(t *testing.T, subject string, data []byte) {
		tally := newTally([]int64{7, 8})
		tally.add(subject, data)
		r := tally.result()
		if r.Sessions < 0 || r.Dropped < 0 || len(r.Reached)+len(r.Offline) != 2 || r.Gates > 1 || len(r.Reached) > r.Sessions {
			t.Fatalf("%q %q: %+v", subject, data, r)
		}
	})
}

func TestMalformedIsNamed(t *testing.T) {
	if err := Check([]byte{0, 0, 0, 7, 0x08}); err == nil || !strings.Contains(err.Error(), "opcode 7") {
		t.Error(err)
	}
}
