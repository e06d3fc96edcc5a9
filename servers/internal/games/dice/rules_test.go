package dice

import (
	"slices"
	"testing"
)

func TestWinners(t *testing.T) {
	for _, test := range []struct {
		name  string
		rolls Rolls
		want  []int64
	}{
		{"nobody rolled", nil, nil},
		{"alone", Rolls{{7, 1}}, []int64{7}},
		{"the highest", Rolls{{1, 3}, {2, 6}, {3, 5}}, []int64{2}},
		{"the first is the highest", Rolls{{1, 4}, {2, 3}}, []int64{1}},
		{"ties share, in the order of users", Rolls{{9, 5}, {3, 5}, {4, 2}}, []int64{3, 9}},
		{"a tie that was beaten", Rolls{{1, 4}, {2, 4}, {3, 5}}, []int64{3}},
		{"all alike", Rolls{{3, 1}, {2, 1}, {1, 1}}, []int64{1, 2, 3}},
	} {
		if got := test.rolls.Winners(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v win, want %v", test.name, got, test.want)
		}
	}
}

func TestOf(t *testing.T) {
	rolls := Rolls{{1, 3}, {2, 6}}
	for user, want := range map[int64]int32{1: 3, 2: 6, 3: 0} {
		if got := rolls.Of(user); got != want {
			t.Errorf("user %d has %d points, want %d", user, got, want)
		}
	}
}

func TestComplete(t *testing.T) {
	one, two := Rolls{{1, 3}}, Rolls{{1, 3}, {2, 6}}
	for _, test := range []struct {
		name   string
		rolls  Rolls
		seated []int64
		want   bool
	}{
		{"nobody rolled, nobody sits", nil, nil, false},
		{"nobody rolled", nil, []int64{1, 2}, false},
		{"one alone has rolled", one, []int64{1}, false},
		{"one of two has rolled", one, []int64{1, 2}, false},
		{"both have rolled", two, []int64{1, 2}, true},
		{"a third has not", two, []int64{1, 2, 3}, false},
		{"one who rolled sits no more", two, []int64{2}, true},
	} {
		if got := test.rolls.Complete(test.seated); got != test.want {
			t.Errorf("%s: complete is %v, want %v", test.name, got, test.want)
		}
	}
}
