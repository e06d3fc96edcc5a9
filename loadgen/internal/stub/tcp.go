package stub

import (
	"net"
	"sync"
)

// Serve serves those who come through l, until it is closed, and returns when all of them are gone.
func (s *Server) Serve(l net.Listener) {
	var players sync.WaitGroup
	defer players.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		players.Go(func() {
			defer conn.Close()
			one := &session{server: s, write: func(b []byte) { conn.Write(b) }} //nolint:errcheck // the read ends
			defer one.leave()
			buffer := make([]byte, 1024)
			for {
				n, err := conn.Read(buffer)
				if err != nil || one.take(buffer[:n]) != nil {
					return
				}
			}
		})
	}
}
