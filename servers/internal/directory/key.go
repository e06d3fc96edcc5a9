package directory

import (
	"fmt"
	"strconv"
	"strings"
)

// token writes a name that came from outside in the letters that a NATS subject takes between two dots: letters, digits,
// '-' and '_' stand for themselves, every other byte is '=' and two hexadecimal digits. So no name can be
// a wildcard, or reach into another name's keys.
func token(name string) string {
	plain := true
	for i := 0; i < len(name) && plain; i++ {
		plain = isPlain(name[i])
	}
	if plain {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if c := name[i]; isPlain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

func isPlain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// untoken is the other way; it refuses what token does not write.
func untoken(s string) (string, bool) {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case isPlain(s[i]):
			b = append(b, s[i])
		case s[i] == '=' && i+2 < len(s):
			c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil || isPlain(byte(c)) || s[i+1:i+3] != strings.ToUpper(s[i+1:i+3]) {
				return "", false
			}
			b = append(b, byte(c))
			i += 2
		default:
			return "", false
		}
	}
	return string(b), len(b) > 0
}

// gameKey is where a number (a room, a user) of a game is kept.
func gameKey(game string, number int64) (string, error) {
	if game == "" || len(game) > MaxGame {
		return "", fmt.Errorf("the game's name has %d bytes; it must have 1 to %d", len(game), MaxGame)
	}
	return token(game) + "." + strconv.FormatInt(number, 10), nil
}

// parseKey is the other way.
func parseKey(s string) (Key, error) {
	name, digits, _ := strings.Cut(s, ".")
	game, ok := untoken(name)
	room, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || len(game) > MaxGame || digits != strconv.FormatInt(room, 10) {
		return Key{}, fmt.Errorf("%q is no key of a room", s)
	}
	return Key{Game: game, Room: room}, nil
}

func serverKey(id string) (string, error) {
	if id == "" || len(id) > maxID {
		return "", fmt.Errorf("the server ID has %d bytes; it must have 1 to %d", len(id), maxID)
	}
	return token(id), nil
}

const maxID = 128
