package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"croupier/loadgen/result"
)

// played is a run of bots who lost n connections in the second that ends at `at`.
func played(verdict result.Verdict, at float64, n uint64) *result.Run {
	r := &result.Run{Came: 4, Seated: 4, Series: []result.Second{{At: at, Lost: n}}}
	r.Counts.Settlements = 1
	text := `{"rules": {"settlement": {"checked": 1}}}`
	switch verdict {
	case result.Fail:
		text = `{"rules": {"settlement": {"checked": 1, "violated": 1}}}`
	case result.Invalid:
		r.Seated = 0
	}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		panic(err) // the text is above
	}
	return r
}

func TestTheVerdict(t *testing.T) {
	drain := []deed{{Step: Step{Act: Drain, Target: "game-1"}, Began: 9 * time.Second, Ended: 11 * time.Second}}
	gate := []deed{{Step: Step{Act: Kill, Target: "gate-1"}, Began: 9 * time.Second, Ended: 11 * time.Second}}
	closed := played(result.Pass, 10, 0)
	closed.Counts.Closed = 1
	late := played(result.Pass, 10, 0)
	late.Health.Lag.Count, late.Health.Lag.P99 = 1000, time.Second
	displaced := played(result.Pass, 10, 0)
	displaced.Troubles = []result.Trouble{{Text: result.Taken, Count: 1}}
	for _, c := range []struct {
		name  string
		o     outcome
		store bool
		want  result.Verdict
	}{
		{"all is well", outcome{load: played(result.Pass, 10, 0)}, true, result.Pass},
		{"a rule was broken", outcome{load: played(result.Fail, 10, 0)}, true, result.Fail},
		{"nobody sat", outcome{load: played(result.Invalid, 10, 0)}, true, result.Invalid},
		{"the generator fell behind", outcome{load: late}, true, result.Pass},
		{"a bot lost its place to its older self", outcome{load: displaced}, true, result.Fail},
		{"a server ended by itself", outcome{load: played(result.Pass, 10, 0), faults: []error{errors.New("game-1 ended by itself")}}, true, result.Fail},
		{"a fault outweighs a run that says nothing", outcome{load: played(result.Invalid, 10, 0), faults: []error{errors.New("game-1 ended by itself")}}, true, result.Fail},
		{"a game server's drain cost a connection", outcome{load: played(result.Pass, 10, 1), deeds: drain}, true, result.Fail},
		{"a gate's death cost connections", outcome{load: played(result.Pass, 10, 400), deeds: gate}, true, result.Pass},
		{"long after the gate's death", outcome{load: played(result.Pass, 40, 1), deeds: gate}, true, result.Fail},
		{"a room was closed under its players", outcome{load: closed}, true, result.Fail},
		{"which without a store must be", outcome{load: closed}, false, result.Pass},
	} {
		if got, reasons := c.o.judge(c.store); got != c.want {
			t.Errorf("%s: %s %q, want %s", c.name, got, reasons, c.want)
		}
	}
}

func TestTheFiguresOfASecondAreOfTheStepsNearIt(t *testing.T) {
	step := Step{Act: Drain, Target: "game-1"}
	near := deed{Step: step, Began: 9 * time.Second, Ended: 11 * time.Second, Exit: 2 * time.Second}
	far := deed{Step: step, Began: 90 * time.Second, Ended: 91 * time.Second, Exit: time.Second}
	o := outcome{load: played(result.Pass, 12, 0), deeds: []deed{near, far}, length: time.Minute, cpu: map[string]time.Duration{"game-1": 6 * time.Second, "loadgen": time.Second}}
	if _, worst := o.felt(near, "action"); worst != 0 {
		t.Errorf("felt %s where nobody measured", worst)
	}
	var out bytes.Buffer
	o.print(&out, 100)
	for _, want := range []string{"drain game      2            2s     2s", "game-1 0.100, loadgen 0.017; servers in all 0.100, 1000.0 us a second"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestABlackoutIsTheLongestAnswerOfItsTime(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	quick := &probe{answers: []answer{{asked: at(1), took: time.Hour}, {asked: at(5), took: time.Second}, {asked: at(6), took: 2 * time.Second, err: errors.New("no")}, {asked: at(9), took: time.Hour}}}
	slow := &probe{answers: []answer{{asked: at(5), took: 3 * time.Second}}}
	longest, failed := blackouts([]*probe{slow, quick}, at(4), at(7))
	if len(longest) != 2 || longest[0] != 2*time.Second || longest[1] != 3*time.Second || failed != 1 {
		t.Errorf("blackouts %v, %d failed", longest, failed)
	}
	if p := percentile(longest, 50); p != 3*time.Second {
		t.Errorf("the half of two is %s", p)
	}
	if p := percentile(nil, 99); p != 0 {
		t.Errorf("the percentile of nothing is %s", p)
	}
}
