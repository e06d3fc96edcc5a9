package ui

import (
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"google.golang.org/protobuf/proto"

	"croupier/servers/client"
	"croupier/servers/wire"
)

// FuzzScreen lets a server say anything: the screen stays whole, and nothing that a terminal takes
// for a command gets on it.
func FuzzScreen(f *testing.F) {
	seed := func(op wire.Command, m proto.Message) {
		payload, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint32(op), payload, 80, 24)
	}
	seed(wire.Command_SIT_DOWN, &wire.User{Id: 7, Seat: 1 << 30})
	seed(wire.Command_SIT_DOWN, &wire.User{Id: -1 << 63, Seat: 12, Online: true})
	seed(wire.Command_NOTICE, &wire.Notice{Text: "骰子\x1b[2J\r\n\u202e🎲"})
	seed(wire.Command_DICE_SCENE, &wire.DiceScene{InRound: true, LeftMs: 1<<63 - 1, Dice: map[int64]int32{7: -5, 11: 99}, Round: 1<<64 - 1})
	seed(wire.Command_DICE_SETTLEMENT, &wire.DiceSettlement{IdleMs: -1, Winners: []int64{7, 7, 404, 1 << 62}})
	seed(wire.Command_DICE_START, &wire.DiceStart{LengthMs: 1 << 62, Round: 1})
	f.Fuzz(func(t *testing.T, op uint32, payload []byte, width, height int) {
		body, err := wire.Decode(wire.Command(op), payload)
		if err != nil {
			return // the client would not have let it through
		}
		width, height = 1+(width&0xff), 1+(height&0x3f)
		event := client.Message{Op: wire.Command(op), Body: body}
		m := at(width, height, then(turn, after(8*time.Second, event), after(9*time.Second, event))...)
		for _, message := range []tea.Msg{tickMsg(noon.Add(10 * time.Second)), press("l"), tickMsg(noon.Add(15 * time.Second))} {
			m = send(m, message)
			view := m.View()
			lines := strings.Split(view, "\n")
			if len(lines) != height {
				t.Fatalf("%d lines on a screen of %d", len(lines), height)
			}
			for _, line := range lines {
				if w := ansi.StringWidth(line); w != width {
					t.Fatalf("a line of %d columns on a screen of %d: %q", w, width, line)
				}
			}
			if strings.ContainsAny(view, "\x1b\r\a\b\u202e") {
				t.Fatalf("the screen commands the terminal: %q", view)
			}
		}
	})
}
