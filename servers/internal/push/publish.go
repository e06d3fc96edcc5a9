package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// answerLimit is how long Publish waits for the first answer of a gate.
	answerLimit = time.Second
	// answerQuiet is the silence after which no further answer is expected: how many gates there are
	// is nowhere written, and those that are well answer within some milliseconds.
	answerQuiet = 150 * time.Millisecond
)

// Target says whom a message is for: everyone, or users.
type Target struct {
	All   bool
	Users []int64
}

// Check says whether the target can be reached at all.
func (t Target) Check() error {
	switch {
	case t.All == (len(t.Users) > 0):
		return errors.New("name users, or all, one of them")
	case len(t.Users) > MaxUsers:
		return fmt.Errorf("%d users are named, at most %d can be: push in parts", len(t.Users), MaxUsers)
	}
	for _, user := range t.Users {
		if user <= 0 {
			return fmt.Errorf("user %d: users count from 1", user)
		}
	}
	return nil
}

// Result is what the gates have answered.
type Result struct {
	Sessions int     `json:"sessions"`          // that took the message
	Dropped  int     `json:"dropped,omitempty"` // sessions whose backlog was full
	Reached  []int64 `json:"reached"`           // users, of those that were named
	Offline  []int64 `json:"offline"`           // the others
	Gates    int     `json:"gates"`             // that answered
}

// Count is what one gate answers.
type Count struct {
	Gate     string `json:"gate"`
	Sessions int    `json:"sessions"`
	Dropped  int    `json:"dropped,omitempty"`
}

// Publish sends a message to all gates and counts who took it. It fails where NATS does not answer;
// no gate at all is no failure.
func Publish(ctx context.Context, conn *nats.Conn, to Target, message []byte) (Result, error) {
	return publish(ctx, conn, to, message, answerQuiet)
}

func publish(ctx context.Context, conn *nats.Conn, to Target, message []byte, quiet time.Duration) (Result, error) {
	if err := errors.Join(to.Check(), Check(message)); err != nil {
		return Result{}, fmt.Errorf("push: %w", err)
	}
	inbox := conn.NewRespInbox()
	answers, err := conn.SubscribeSync(inbox + ".*")
	if err != nil {
		return Result{}, fmt.Errorf("push: listen for answers: %w", err)
	}
	defer answers.Unsubscribe()             //nolint:errcheck // the connection is gone, then so is this
	answers.SetPendingLimits(1<<20, 64<<20) //nolint:errcheck // it is a plain subscription
	users := slices.Compact(slices.Sorted(slices.Values(to.Users)))
	send := func(subject string, i int) error {
		return conn.PublishRequest(subject, inbox+"."+strconv.Itoa(i), message)
	}
	if to.All {
		err = send(all, 0)
	}
	for i, user := range users {
		if err == nil {
			err = send(subject(user), i)
		}
	}
	if err == nil {
		err = conn.FlushTimeout(answerLimit)
	}
	if err != nil {
		return Result{}, fmt.Errorf("push: %w", err)
	}
	return gather(ctx, answers, users, quiet)
}

// gather counts answers until there is silence.
func gather(ctx context.Context, answers *nats.Subscription, users []int64, quiet time.Duration) (Result, error) {
	tally := newTally(users)
	wait := answerLimit
	for {
		patient, cancel := context.WithTimeout(ctx, wait)
		m, err := answers.NextMsgWithContext(patient)
		cancel()
		switch {
		case errors.Is(err, nats.ErrNoResponders):
			if tally.nobody(); tally.complete() {
				return tally.result(), nil
			}
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			return tally.result(), nil
		case err != nil:
			return tally.result(), fmt.Errorf("push: sent, but the answers were not heard: %w", err)
		default:
			tally.add(m.Subject, m.Data)
			wait = quiet
		}
	}
}

// tally counts answers.
type tally struct {
	users  []int64
	took   map[int64]int // sessions, by user
	gates  map[string]bool
	sum    Result
	silent int // subjects on which nobody listens
}

func newTally(users []int64) *tally {
	return &tally{users: users, took: make(map[int64]int), gates: make(map[string]bool)}
}

// nobody notes that no gate listens on one of the subjects.
func (t *tally) nobody() { t.silent++ }

// complete says that no gate listens at all.
func (t *tally) complete() bool { return t.silent >= max(1, len(t.users)) }

// add counts one gate's answer, which came on the subject that ends in the user's place. Answers that
// make no sense are passed over.
func (t *tally) add(subject string, data []byte) {
	i, err := strconv.Atoi(subject[strings.LastIndexByte(subject, '.')+1:])
	var c Count
	if err != nil || i < 0 || i >= max(1, len(t.users)) || json.Unmarshal(data, &c) != nil || c.Sessions < 0 || c.Dropped < 0 {
		return
	}
	t.gates[c.Gate] = true
	t.sum.Sessions += c.Sessions
	t.sum.Dropped += c.Dropped
	if len(t.users) > 0 {
		t.took[t.users[i]] += c.Sessions
	}
}

func (t *tally) result() Result {
	r := t.sum
	r.Gates = len(t.gates)
	r.Reached, r.Offline = Sort(t.users, func(user int64) bool { return t.took[user] > 0 })
	return r
}

// Sort tells the users who were reached from those who are offline. Neither list is nil.
func Sort(users []int64, reached func(int64) bool) (yes, no []int64) {
	yes, no = []int64{}, []int64{}
	for _, user := range users {
		if reached(user) {
			yes = append(yes, user)
		} else {
			no = append(no, user)
		}
	}
	return yes, no
}
