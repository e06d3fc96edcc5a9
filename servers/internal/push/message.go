package push

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"croupier/servers/wire"
)

const (
	// MaxPayload is the longest message that is pushed, in bytes, opcode included.
	MaxPayload = 16 << 10
	// MaxUsers is how many users one call of Publish names at most.
	MaxUsers = 10_000
)

const (
	userPrefix = "croupier.push.user."
	userAny    = userPrefix + "*"
	all        = "croupier.push.all"
)

// ErrMalformed reports a message that no player's program could read.
var ErrMalformed = errors.New("malformed message")

// Check says whether a message can be pushed: an opcode, then a body that is a protobuf message of
// whatever type. What the opcode means is between who pushes and who plays.
func Check(message []byte) error {
	if len(message) > MaxPayload {
		return fmt.Errorf("%w: %d bytes, at most %d are pushed", ErrMalformed, len(message), MaxPayload)
	}
	op, body, err := wire.Split(message)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if op == wire.Command_NONE {
		return fmt.Errorf("%w: opcode 0 is none", ErrMalformed)
	}
	if err := proto.Unmarshal(body, new(emptypb.Empty)); err != nil { // it knows no field, and looks at each
		return fmt.Errorf("%w: the body of opcode %d is no protobuf message: %w", ErrMalformed, uint32(op), err)
	}
	return nil
}

// Text is a notice that says a text.
func Text(text string) ([]byte, error) {
	if strings.TrimSpace(text) == "" || !utf8.ValidString(text) {
		return nil, fmt.Errorf("%w: a text must say something, in UTF-8", ErrMalformed)
	}
	return wire.Append(nil, wire.Command_NOTICE, &wire.Notice{Text: text})
}

// subject is where messages to a user go.
func subject(user int64) string { return userPrefix + strconv.FormatInt(user, 10) }

// addressee reads a subject; 0: everyone.
func addressee(subject string) (user int64, err error) {
	if subject == all {
		return 0, nil
	}
	text, found := strings.CutPrefix(subject, userPrefix)
	if user, err = strconv.ParseInt(text, 10, 64); !found || err != nil || user <= 0 {
		return 0, fmt.Errorf("%w: %q is no user", ErrMalformed, text)
	}
	return user, nil
}
