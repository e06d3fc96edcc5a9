package client

import (
	"context"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"croupier/servers/wire"
)

// BenchmarkRequest is a request and its reply over loopback, the answering side included.
func BenchmarkRequest(b *testing.B) {
	url := gateFunc(b, func(ctx context.Context, conn *websocket.Conn, _ *http.Request) {
		for {
			_, request, err := conn.Read(ctx)
			if err != nil {
				return
			}
			op, payload, _ := wire.Split(request)
			say(ctx, conn, op, &wire.String{Value: "room", Meta: &wire.Meta{Request: wire.RequestID(payload)}})
		}
	})
	c, err := Dial(b.Context(), Gate(url, nil), Options{Handler: func(Event) {}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close(context.Background())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Print(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStep is what one message of a room costs the client, without the network.
func BenchmarkStep(b *testing.B) {
	frame, err := wire.Append(nil, wire.Command_DICE_SHAKE, &wire.DiceShake{User: 7, Points: 3, Round: 9, Meta: &wire.Meta{Epoch: 1, Seq: 77}})
	if err != nil {
		b.Fatal(err)
	}
	l := &tape{}
	c := newClient(Gate("ws://x", nil), Options{Handler: func(Event) {}})
	defer c.stop()
	b.ReportAllocs()
	message := append([]byte{byte(len(frame))}, frame...)
	for b.Loop() {
		l.rest = message
		if err := c.step(l); err != nil {
			b.Fatal(err)
		}
	}
}
