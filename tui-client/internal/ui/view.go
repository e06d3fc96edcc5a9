package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"croupier/tui-client/internal/scene"
)

// View draws the screen: exactly as many lines as it has, none wider than it is.
func (m Model) View() string {
	if m.width <= 0 || m.height <= 0 || m.quitting {
		return ""
	}
	var lines []string
	switch {
	case m.pane == paneHelp:
		lines = m.paneOf("Keys and signs", m.helpText())
	case m.pane == paneLog:
		lines = m.paneOf("Log", m.logLines(len(m.log), 0))
	case m.pane == paneInspect:
		lines = m.paneOf("What the room says of itself", strings.Split(m.inspected, "\n"))
	case m.width >= wideColumns && m.height >= wideRows:
		lines = m.wide()
	default:
		lines = m.narrow()
	}
	lines = tall(lines, m.height)
	for i, line := range lines {
		lines[i] = fit(line, m.width)
	}
	return strings.Join(lines, "\n")
}

// header says where we are and how well we are connected.
func (m Model) header() string {
	left := m.scene.Game + " · any room"
	if m.scene.Room != 0 {
		left = fmt.Sprintf("%s · room %d", m.scene.Game, m.scene.Room)
	}
	if m.width >= wideColumns {
		left = " ⚅ Croupier · " + left
	}
	if m.width >= 100 {
		left += " · " + m.config.Target
	}
	return spread(m.styles.title.Render(left), m.connection()+" ", m.width)
}

// connection is the state of the link in a few words.
func (m Model) connection() string {
	switch m.scene.Link {
	case scene.Online:
		text := "● online"
		if m.rtt > 0 {
			text += " " + brief(m.rtt)
		}
		return m.styles.good.Render(text)
	case scene.Lost:
		word := "lost"
		if m.scene.Stranger() {
			word = "offline"
		}
		return m.styles.bad.Render(fmt.Sprintf("✗ "+word+", retry %.1f s", max(0, m.scene.RetryAt.Sub(m.now)).Seconds()))
	case scene.Closed:
		return m.styles.bad.Render("✗ closed")
	}
	text := "◌ connecting"
	if m.scene.Attempt > 1 {
		text += fmt.Sprintf(", attempt %d", m.scene.Attempt)
	}
	return m.styles.warn.Render(text)
}

// brief writes a round trip in at most seven columns.
func brief(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < 10*time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// bar is the countdown.
func (m Model) bar(width int) string {
	if m.scene.Phase == scene.Unknown || m.scene.Length <= 0 {
		return ""
	}
	left := m.scene.Left(m.now)
	word := "roll "
	if m.scene.Phase == scene.Pausing {
		word = "pause"
	}
	if m.scene.Round > 0 && width >= wideColumns {
		word = fmt.Sprintf("round %d: %s", m.scene.Round, strings.TrimSpace(word))
	}
	clock := fmt.Sprintf("%3d s", int((left+time.Second-1)/time.Second))
	room := width - len(word) - len(clock) - 4
	if room < 4 {
		return word + " " + clock
	}
	full := int(float64(room) * min(1, float64(left)/float64(m.scene.Length)))
	style := m.styles.good
	switch {
	case m.scene.Link != scene.Online, m.scene.Still:
		style = m.styles.dim
	case m.scene.Phase == scene.Pausing:
		style = m.styles.felt
	case left < m.scene.Length/5:
		style = m.styles.bad
	case left < m.scene.Length/2:
		style = m.styles.warn
	}
	return fmt.Sprintf(" %s %s%s %s", word, style.Render(strings.Repeat("█", full)),
		m.styles.dim.Render(strings.Repeat("░", room-full)), clock)
}

// call is the one thing the player should know now, in one or two short lines.
func (m Model) call() []string {
	s := m.scene
	me, there := s.Self()
	switch {
	case s.Link == scene.Lost:
		what := "✗ connection lost"
		if s.Stranger() {
			what = "✗ can't reach the " + s.Server()
		}
		again := "trying again" + m.dots()
		if left := s.RetryAt.Sub(m.now).Seconds(); left >= 0.05 {
			again = fmt.Sprintf("trying again in %.1f s", left)
		}
		return []string{what, again}
	case s.Link == scene.Closed:
		return []string{"✗ connection closed", "press q to quit"}
	case s.Link == scene.Connecting:
		return []string{"◌ connecting" + m.dots()}
	case !s.Seated && m.sitting:
		return []string{"sitting down" + m.dots()}
	case !s.Seated:
		return []string{"you are not at the table", "press s to sit down"}
	case s.Still:
		return []string{"the room stands still", "it goes on by itself"}
	case m.revealing():
		return []string{"the dice are opened"}
	case s.Phase == scene.Pausing && len(s.Winners) > 0:
		return m.cheer()
	case s.Phase == scene.Pausing:
		return []string{"wait for the next round"}
	case s.Phase == scene.Unknown:
		return []string{"waiting for the table"}
	case !there || me.Seat < 0:
		return []string{"you are watching", "press s for a seat"}
	case m.rolling || m.tumbles(s.Me):
		return []string{"the dice are rolling"}
	case s.Dice[s.Me] > 0:
		return []string{fmt.Sprintf("you rolled a %d", s.Dice[s.Me]), m.tally()}
	case s.Rolled(s.Me):
		return []string{"you have rolled", m.tally()}
	}
	return []string{"► your turn: press r", m.tally()}
}

// dots move while something is awaited; they are always three columns.
func (m Model) dots() string {
	return fit(strings.Repeat(".", 1+int(m.now.UnixMilli()/400%3)), 3)
}

func (m Model) tally() string {
	rolled, seated := m.scene.Tally()
	return fmt.Sprintf("%d of %d rolled", rolled, seated)
}

// cheer celebrates the winners.
func (m Model) cheer() []string {
	s := m.scene
	points := s.Dice[s.Winners[0]]
	stars := "★ ☆ ★ ☆ ★"
	if m.now.UnixMilli()/400%2 == 1 && m.now.Sub(s.Settled) < celebration {
		stars = "☆ ★ ☆ ★ ☆"
	}
	var who string
	switch {
	case len(s.Winners) > 2:
		who = fmt.Sprintf("%d players share it", len(s.Winners))
	case len(s.Winners) == 2 && s.Won(s.Me):
		other := s.Winners[0] + s.Winners[1] - s.Me
		who = fmt.Sprintf("you and %d share it", other)
	case len(s.Winners) == 2:
		who = fmt.Sprintf("%d and %d share it", s.Winners[0], s.Winners[1])
	case s.Won(s.Me):
		who = "YOU WIN"
	default:
		who = s.Name(s.Winners[0]) + " wins"
	}
	return []string{stars, fmt.Sprintf("%s with a %d", who, points)}
}

// revealing says that the dice of a settled round still tumble before they lie open.
func (m Model) revealing() bool {
	return m.scene.Phase == scene.Pausing && m.now.Sub(m.scene.Settled) < tumble
}

// tumbles says that a user's die is rolling on the screen.
func (m Model) tumbles(user int64) bool {
	if user == m.scene.Me && m.rolling {
		return true
	}
	if m.revealing() {
		return user != m.scene.Me && m.scene.Rolled(user)
	}
	began, ok := m.scene.RolledAt[user]
	return ok && m.now.Sub(began) < tumble
}

// shows is the face of a user's die.
func (m Model) shows(user int64) face {
	if m.tumbles(user) {
		f, _ := tumbling(user, m.now)
		return f
	}
	points, rolled := m.scene.Dice[user]
	switch {
	case !rolled:
		return blank
	case points <= 0:
		return hidden
	}
	return face(points)
}

// logLines are the last entries of the log, each in one line of a width; 0: as long as it is.
func (m Model) logLines(count, width int) []string {
	lines := make([]string, 0, count)
	known := m.log
	for n := len(known); n > 0 && known[n-1].Dice && m.now.Sub(known[n-1].At) < tumble; n-- {
		known = known[:n-1] // not before the dice have come to rest
	}
	for _, entry := range known[max(0, len(known)-count):] {
		style := m.styles.dim
		switch entry.Kind {
		case scene.Win:
			style = m.styles.win
		case scene.Fault:
			style = m.styles.bad
		case scene.Notice:
			style = m.styles.warn
		}
		stamp := ""
		if m.width >= 60 {
			stamp = entry.At.Format("15:04:05 ")
		}
		line := m.styles.dim.Render(stamp) + style.Render(entry.Kind.Mark()+" "+entry.Text)
		if width > 0 {
			line = fit(" "+line, width)
		}
		lines = append(lines, line)
	}
	return lines
}

// How wide the last line is with every key on it, in whole words and in few.
const (
	wholeKeys = 80
	allKeys   = 57
)

// footer is the last line: a word to the player while there is one, else the keys.
func (m Model) footer() string {
	if m.now.Before(m.flashUntil) && m.flash != "" {
		style := m.styles.warn
		if m.flashFault {
			style = m.styles.bad
		}
		return style.Render(fit(" ! "+m.flash, m.width))
	}
	keys := [][2]string{{"r", "roll"}, {"s", "sit"}, {"0-9", "seat"}, {"u", "stand up"}, {"b", "bench"}, {"p", "inspect"}, {"l", "log"}, {"?", "help"}, {"q", "quit"}}
	gap := "  "
	if m.width < wholeKeys {
		keys[3][1], keys[5][1] = "up", "see"
		gap = " "
		if m.width < allKeys {
			keys = slices.DeleteFunc(keys, func(key [2]string) bool { return key[0] == "0-9" || key[0] == "b" })
		}
	}
	parts := make([]string, len(keys))
	for i, key := range keys {
		parts[i] = m.styles.key.Render(key[0])
		if m.width >= wholeKeys || key[0] != "?" {
			parts[i] += m.styles.dim.Render(" " + key[1])
		}
	}
	return " " + strings.Join(parts, gap)
}

// paneOf covers the table with text.
func (m Model) paneOf(title string, text []string) []string {
	room := max(1, m.height-2)
	var lines []string
	for _, line := range text {
		lines = append(lines, wrap(line, max(1, m.width-2))...)
	}
	last := len(lines)
	if hidden := len(lines) - room; hidden > 0 {
		last = max(room, len(lines)-min(m.scroll, hidden))
		if m.pane != paneLog { // read from the top; a log from its end
			last = min(len(lines), room+m.scroll)
		}
	}
	shown := lines[max(0, last-room):last]
	more := "q back to the table"
	if len(lines) > room {
		more += " · ↑ ↓ scroll"
	}
	out := []string{m.styles.title.Render(fit(" "+title, m.width))}
	for _, line := range tall(shown, room) {
		out = append(out, " "+line)
	}
	return append(out, m.styles.dim.Render(fit(" "+more, m.width)))
}

func (m Model) helpText() []string {
	return strings.Split(strings.TrimSpace(`
r, space   roll the dice, once a round
s          sit down, in any seat
0 to 9     take that seat, if it is free
b          to the bench: watch, and leave the seat to others
u          stand up
p          inspect: what the room says of itself
l          the whole log
?          this page
q          back from a page, else quit; your seat is kept as the rules say

The highest die wins the round; ties share the win.
Others' dice stay hidden until everybody has rolled or the
time is up. Who rolled and leaves keeps the seat until then.

●  online         ○  offline          ►  you
★  rounds won     ╔═╗  this round's winner
[ ] not rolled    [?] rolled, hidden  [5] open

log:  · table   ★ win   ~ connection   ! the house   ✗ refused`), "\n")
}
