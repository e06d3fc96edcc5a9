// Package lines plays a dice table without a terminal: what happens is printed as plain lines, and
// commands are read as lines. What happens at the table goes to one writer; the connection, refusals
// and prompts go to another, so that a script reads only the game.
package lines

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"croupier/servers/client"
	"croupier/tui-client/internal/scene"
	"croupier/tui-client/internal/ui"
)

// Config is what a session starts from.
type Config struct {
	Player   ui.Player
	Events   <-chan client.Event
	User     int64
	Place    client.Place
	Target   string // where the player connects to, for messages
	Auto     bool
	Rounds   int       // end after so many settled rounds; 0: never
	Stay     bool      // go on when there are no more commands
	In       io.Reader // commands; nil: none
	Out, Err io.Writer
}

// session is one run. Its goroutine owns it; commands and replies reach it by channels.
type session struct {
	Config
	ctx     context.Context
	scene   *scene.Scene
	replies chan reply
	busy    bool // a request is under way: the next command waits
	retry   time.Time
}

type reply struct {
	verb, text string
	err        error
}

// quantum is how often a player who plays by itself looks at the table.
const quantum = 50 * time.Millisecond

// Run plays until ctx ends, the events end, the rounds are over, or the commands are. It returns
// what was seen of the table.
func Run(ctx context.Context, c Config) *scene.Scene {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{Config: c, ctx: ctx, scene: scene.New(c.User, c.Place), replies: make(chan reply, 1)}
	s.scene.Target = c.Target
	s.loop(commands(ctx, c.In))
	return s.scene
}

// commands reads lines. A read cannot be interrupted, so the goroutine may outlive ctx until the
// next line or the end of the input; it holds nothing but the reader.
func commands(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	if in == nil {
		close(lines)
		return lines
	}
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(in)
		scanner.Buffer(make([]byte, 0, 256), 4096)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

func (s *session) loop(typed <-chan string) {
	clock := time.NewTicker(quantum)
	defer clock.Stop()
	var next *string // the command to do next
	for {
		// A command waits for the one before it, and for the seat that the session begins with.
		waits := s.busy || s.scene.Wants && !s.scene.Seated
		switch {
		case next != nil && (!waits || s.idle() && isQuit(*next)):
			line := *next
			next = nil
			if !s.obey(line) {
				return
			}
			continue
		case next == nil && typed == nil && !waits && !s.Stay:
			return
		}
		ready := typed
		if next != nil {
			ready = nil
		}
		select {
		case <-s.ctx.Done():
			return
		case event, open := <-s.Events:
			if !open {
				return
			}
			s.take(event, time.Now())
			if s.Rounds > 0 && s.scene.Finished >= s.Rounds {
				return
			}
		case done := <-s.replies:
			s.settle(done)
		case now := <-clock.C:
			s.beat(now)
		case line, open := <-ready:
			if next = &line; !open {
				typed, next = nil, nil
			}
		}
	}
}

// idle says that no command can be under way.
func (s *session) idle() bool { return s.scene.Link != scene.Online }

func isQuit(line string) bool { return strings.TrimSpace(line) == "quit" }

// take applies an event and prints it. Why the connection is closed is for the caller to say.
func (s *session) take(event client.Event, now time.Time) {
	if _, closed := event.(client.Closed); closed {
		s.scene.Apply(event, now)
		return
	}
	for _, line := range s.scene.Apply(event, now) {
		switch line.Kind {
		case scene.Wire, scene.Fault:
			fmt.Fprintln(s.Err, line.Text)
		default:
			fmt.Fprintln(s.Out, line.Text)
		}
	}
}

// beat does what is due by the clock.
func (s *session) beat(now time.Time) {
	if s.busy || now.Before(s.retry) || s.scene.Link != scene.Online {
		return
	}
	if s.scene.Wants && !s.scene.Seated {
		s.sit(s.Place.Seat)
		return
	}
	if !s.Auto {
		return
	}
	switch s.scene.Next(now) {
	case scene.Sit:
		s.sit(client.AnySeat)
	case scene.Roll:
		s.shake(0)
	}
}

// obey does a command, or says why not; false ends the session.
func (s *session) obey(line string) bool {
	words := strings.Fields(line)
	if len(words) == 0 {
		return true
	}
	numbers, err := numbersOf(words[1:])
	if err != nil {
		fmt.Fprintln(s.Err, err)
		return true
	}
	at := func(i int, standard int64) int64 {
		if i < len(numbers) {
			return numbers[i]
		}
		return standard
	}
	most := map[string]int{"sit": 2, "move": 1, "shake": 1, "roll": 1}
	if len(numbers) > most[words[0]] {
		fmt.Fprintf(s.Err, "%s takes at most %d numbers\n", words[0], most[words[0]])
		return true
	}
	switch words[0] {
	case "sit":
		s.scene.SitAt(at(0, s.scene.Room))
		s.sit(int32(at(1, int64(client.AnySeat))))
	case "move":
		if len(numbers) == 0 {
			fmt.Fprintln(s.Err, "move takes the number of a free seat; bench leaves the seat to others")
			return true
		}
		s.move(int32(numbers[0]))
	case "bench":
		s.Auto = false
		s.move(client.AnySeat)
	case "stand":
		s.Auto = false
		s.do("stand", func(ctx context.Context) (string, error) { return "", s.Player.Stand(ctx) })
	case "shake", "roll":
		s.shake(int32(at(0, 0)))
	case "print":
		s.do("print", s.Player.Print)
	case "quit":
		return false
	case "help":
		fmt.Fprintln(s.Err, usage)
	default:
		fmt.Fprintf(s.Err, "unknown command %q; %s\n", words[0], usage)
	}
	return true
}

const usage = "commands: sit [room] [seat], move seat, bench, stand, shake, print, help, quit"

func numbersOf(words []string) ([]int64, error) {
	numbers := make([]int64, len(words))
	for i, word := range words {
		n, err := strconv.ParseInt(word, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number; %s", word, usage)
		}
		numbers[i] = n
	}
	return numbers, nil
}

func (s *session) sit(seat int32) {
	place := client.Place{Game: s.scene.Game, Room: s.scene.Room, Seat: seat}
	s.scene.SitAt(place.Room)
	s.do("sit", func(ctx context.Context) (string, error) {
		_, err := s.Player.Sit(ctx, place)
		return "", err
	})
}

func (s *session) move(seat int32) {
	s.do("move", func(ctx context.Context) (string, error) {
		_, err := s.Player.Move(ctx, seat)
		return "", err
	})
}

func (s *session) shake(preset int32) {
	s.do("shake", func(ctx context.Context) (string, error) {
		_, err := s.Player.Shake(ctx, preset)
		return "", err
	})
}

// do sends a request; its reply comes back to the loop.
func (s *session) do(verb string, request func(context.Context) (string, error)) {
	s.busy = true
	go func() {
		text, err := request(s.ctx)
		s.replies <- reply{verb, text, err} // there is room: one request at a time
	}()
}

func (s *session) settle(done reply) {
	s.busy = false
	if done.err != nil {
		s.retry = time.Now().Add(time.Second)
		if errors.Is(done.err, context.Canceled) {
			return
		}
		fmt.Fprintln(s.Err, scene.Clean(done.err.Error()))
		var refused *client.RefusedError
		if done.verb == "sit" && errors.As(done.err, &refused) && !s.scene.Seated {
			s.scene.Wants = false
		}
		return
	}
	if done.text != "" {
		fmt.Fprintln(s.Out, scene.CleanLines(done.text))
	}
}
