package load

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"croupier/loadgen/result"
	"croupier/servers/client"
)

// maxTroubles bounds how many different troubles are told apart.
const maxTroubles = 200

// troubles counts what goes wrong.
type troubles struct {
	mu           sync.Mutex
	kinds        map[string]uint64
	all          uint64
	unauthorized uint64 // times that a bot's token, or its lack of one, was refused
}

func (t *troubles) add(err error, unauthorized bool) {
	text := describe(err)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = make(map[string]uint64)
	}
	if _, known := t.kinds[text]; !known && len(t.kinds) >= maxTroubles {
		text = "something else"
	}
	t.kinds[text]++
	t.all++
	if unauthorized {
		t.unauthorized++
	}
}

// count returns how many there were, and how many of them were about tokens.
func (t *troubles) count() (all, unauthorized uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all, t.unauthorized
}

// list returns them, the most frequent first.
func (t *troubles) list() []result.Trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]result.Trouble, 0, len(t.kinds))
	for _, text := range slices.Sorted(maps.Keys(t.kinds)) {
		list = append(list, result.Trouble{Text: text, Count: t.kinds[text]})
	}
	slices.SortStableFunc(list, func(a, b result.Trouble) int { return int(b.Count) - int(a.Count) })
	return list
}

// first are the two most frequent, in words.
func (t *troubles) first() string {
	list := t.list()
	if len(list) == 0 {
		return "the target takes connections and answers nothing"
	}
	texts := make([]string, 0, 2)
	for _, one := range list[:min(len(list), 2)] {
		texts = append(texts, one.Text)
	}
	return strings.Join(texts, "; ")
}

// ephemeral are the parts of an error that differ each time: our own side of a connection.
var ephemeral = regexp.MustCompile(`(read|write) tcp \S+->\S+: `)

// describe is an error without what differs from bot to bot, so that it can be counted.
func describe(err error) string {
	if errors.Is(err, client.ErrReplaced) {
		return result.Taken
	}
	var refused *client.RefusedError
	if errors.As(err, &refused) {
		return fmt.Sprintf("refused: %s (code %d)", strings.TrimPrefix(refused.Desc, "error: "), refused.Code)
	}
	return ephemeral.ReplaceAllString(err.Error(), "")
}
