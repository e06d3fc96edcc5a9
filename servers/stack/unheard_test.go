package stack

import (
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"croupier/servers/internal/trunk"
)

// deaf is a game server that goes away with its first few trunks as soon as it has read some frames
// on each, and answers nothing. On later ones it answers every SitDown and nothing else.
type deaf struct {
	trunk.UnimplementedTrunkServer
	frames int          // that it waits for on a trunk that it leaves
	reason trunk.Reason // with which it shuts the lane instead of leaving; 0: it leaves
	mu     sync.Mutex
	leaves int // trunks that it leaves yet
}

func (d *deaf) Attach(stream trunk.Trunk_AttachServer) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	d.mu.Lock()
	d.leaves--
	leaves := d.leaves >= 0
	d.mu.Unlock()
	seen := 0
	for {
		batch, err := stream.Recv()
		if err != nil {
			return err
		}
		for f, err := range trunk.Frames(batch.GetFrames()) {
			if err != nil {
				return err
			}
			seen++
			switch {
			case f.Kind == trunk.KindShut:
			case leaves && seen == d.frames && d.reason == 0:
				return nil
			case leaves && seen == d.frames:
				leaves = false
				stream.Send(&trunk.Batch{Frames: trunk.AppendFrame(nil, f.Lane, trunk.KindShut, []byte{byte(d.reason)})})
			case !leaves && f.Kind == trunk.KindOpen:
				stream.Send(&trunk.Batch{Frames: trunk.AppendFrame(nil, f.Lane, trunk.KindData, []byte{0, 0, 0, 3, 0x08, 7})})
			}
		}
	}
}

// listen serves trunks at a port of its own until the test ends.
func (d *deaf) listen(t *testing.T) string {
	server := grpc.NewServer(grpc.WaitForHandlers(true))
	trunk.RegisterTrunkServer(server, d)
	l, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return l.Addr().String()
}

// A player who sits down just as a server goes away is led on, whatever was said meanwhile: it waits
// for the answer.
func TestSitDownWhileTheServerGoes(t *testing.T) {
	alone := message(3, sitDown("1", "-1")...)
	more := append(message(3, sitDown("1", "-1")...), message(6)...)
	for name, c := range map[string]struct {
		server *deaf
		says   []byte
		sits   bool // else the player is sent away
	}{
		"gone before the answer":       {&deaf{frames: 1, leaves: 1}, alone, true},
		"gone again and again":         {&deaf{frames: 1, leaves: 3}, alone, true},
		"gone for ever":                {&deaf{frames: 1, leaves: 1000}, alone, false},
		"gone, and more was said":      {&deaf{frames: 1, leaves: 1}, more, true},
		"sent away, to another":        {&deaf{frames: 1, leaves: 1, reason: trunk.ReasonRetry}, alone, true},
		"sent away, and more was said": {&deaf{frames: 1, leaves: 1, reason: trunk.ReasonRetry}, more, true},
	} {
		t.Run(name, func(t *testing.T) {
			both := c.server.listen(t) + "," + c.server.listen(t)
			if c.server.reason == 0 {
				both = c.server.listen(t)
			}
			h := openHouse(t, func(s *settings) { s.gate.Services["dice"] = both })
			s := h.dial(7)
			s.raw(c.says)
			if !c.sits {
				if code := s.closeCode(); code != 1012 {
					t.Errorf("close code %d, want 1012", code)
				}
			} else if op, f := s.receive(); op != 3 || f.numbers[1] != 7 {
				t.Errorf("hears opcode %d %v", op, f)
			}
			h.log.clear()
		})
	}
}
