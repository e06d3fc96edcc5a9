package stack

import (
	"testing"
)

// A stack that is closed before anything came to it ends clean, and says nothing went wrong.
func TestStackClosedAtOnce(t *testing.T) {
	for range 20 {
		s, err := Start(Config{})
		if err != nil {
			t.Fatal(err)
		}
		s.SignalGame()
		s.SignalGate()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStackThatCannotStart(t *testing.T) {
	for name, c := range map[string]Config{
		"bad key":     {Key: "short"},
		"bad address": {GateAddr: "127.0.0.1:99999"},
	} {
		if s, err := Start(c); err == nil {
			s.Close()
			t.Errorf("%s: started", name)
		}
	}
}
