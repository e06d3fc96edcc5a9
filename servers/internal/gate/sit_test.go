package gate

import (
	"testing"

	"github.com/gobwas/ws"
)

// A handshake that began before the drain and ended after it is sent away like the others.
func TestHandshakeThatTheDrainOvertook(t *testing.T) {
	g := newGate(t)
	out, client, _ := pair(t)
	if !g.admit() {
		t.Fatal("not admitted")
	}
	g.drain()
	if g.admit() {
		t.Error("admitted while draining")
	}
	g.start(out.conn, 7, nil)
	g.work.Done()
	f, err := ws.ReadFrame(client)
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := ws.ParseCloseFrameData(f.Payload); f.Header.OpCode != ws.OpClose || code != ws.StatusGoingAway {
		t.Errorf("%v %v, want close code 1001", f.Header.OpCode, code)
	}
	client.Close()
	g.work.Wait() // the session's goroutine is counted
	if g.table.len() != 0 {
		t.Error("the session is still in the table")
	}
}
