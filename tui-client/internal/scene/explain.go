package scene

import (
	"errors"
	"strings"

	"croupier/servers/client"
)

// Explain is an error for a player: in one line, without what a terminal could take for a command,
// and with the next step where there is a known one.
func Explain(err error) string {
	text := plain(err)
	switch {
	case errors.Is(err, client.ErrUnauthorized):
		text += "; is the token signed with the JWT_KEY of the server, and not expired?"
	case errors.Is(err, client.ErrNotGate):
		text += "; is it the game server's port? then use --direct"
	}
	return text
}

// Server is what kind of server we connect to, as people call it.
func (s *Scene) Server() string {
	if kind, _, named := strings.Cut(s.Target, " "); named && kind == "gate" {
		return kind
	}
	return "game server"
}

// Stranger says that there was no connection yet.
func (s *Scene) Stranger() bool { return !s.met }
