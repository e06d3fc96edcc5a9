package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/lxzan/gws"
)

type echoHandler struct{ gws.BuiltinEventHandler }

func (echoHandler) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close()
	socket.WriteMessage(message.Opcode, message.Bytes()) //nolint:errcheck // the driver is gone
}

// echo serves until it is killed, on the address in os.Args[2].
func echo() {
	upgrader := gws.NewUpgrader(echoHandler{}, nil)
	l, err := net.Listen("tcp", os.Args[2])
	if err == nil {
		err = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			socket, err := upgrader.Upgrade(w, r)
			if err == nil {
				go socket.ReadLoop()
			}
		}))
	}
	fmt.Fprintln(os.Stderr, "echo:", err)
	os.Exit(1)
}
