package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var tenMinutes = Shape{Games: 3, Gates: 2, Begin: 13 * time.Second, End: 590 * time.Second}

func TestTheSameSeedMakesTheSamePlan(t *testing.T) {
	for _, mode := range modes {
		one, again, other := tracks(t, mode.name, tenMinutes, 7), tracks(t, mode.name, tenMinutes, 7), tracks(t, mode.name, tenMinutes, 8)
		if !reflect.DeepEqual(one, again) {
			t.Errorf("%s: the same seed makes two plans", mode.name)
		}
		if reflect.DeepEqual(one, other) {
			t.Errorf("%s: another seed makes the same plan", mode.name)
		}
	}
}

func TestStepsAreWithinTheRunAndInOrder(t *testing.T) {
	for _, mode := range modes {
		for _, track := range tracks(t, mode.name, tenMinutes, 3) {
			if len(track) < 20 {
				t.Errorf("%s: only %d steps in ten minutes", mode.name, len(track))
			}
			at := tenMinutes.Begin
			for _, step := range track {
				if step.At < at || step.At >= tenMinutes.End {
					t.Errorf("%s: %s at %s, after %s", mode.name, step, step.At, at)
				}
				at = step.At
				if step.Act != Drain && step.Hold < 100*time.Millisecond {
					t.Errorf("%s: %s is over at once", mode.name, step)
				}
				if step.Act == Cut && (step.Peer == "" || step.Peer == step.Target) {
					t.Errorf("%s: %s", mode.name, step)
				}
			}
		}
	}
}

// What a mode is to prove is in its plan.
func TestEachModeDoesWhatItIsFor(t *testing.T) {
	for mode, want := range map[string][]string{
		"drains":  {"drain game-1", "drain game-2", "drain game-3", "drain gate-1", "drain gate-2"},
		"kills":   {"kill game-1", "kill game-2", "kill game-3", "kill gate-1", "kill gate-2", "half-kill game"},
		"network": {"kill game", "drain game", "kill gate", "drain gate", "cut game-1 from nats", "cut game-2 from nats", "cut game-3 from nats"},
		"pause":   {"pause game-1", "pause game-2", "pause game-3"},
		"store":   {"kill nats", "pause nats"},
	} {
		var all []string
		for _, track := range tracks(t, mode, tenMinutes, 1) {
			for _, step := range track {
				all = append(all, step.String())
			}
		}
		for _, begin := range want {
			if !slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, begin) }) {
				t.Errorf("%s: no %q in ten minutes", mode, begin)
			}
		}
	}
}

// A drain of the only gate would leave nobody a way back in, and is no proof of anything.
func TestTheOnlyGateIsLeftAlone(t *testing.T) {
	shape := tenMinutes
	shape.Gates = 1
	for _, mode := range modes {
		for _, track := range tracks(t, mode.name, shape, 5) {
			for _, step := range track {
				if strings.HasPrefix(step.Target, "gate") {
					t.Errorf("%s: %s", mode.name, step)
				}
			}
		}
	}
}

func TestADrainedServerIsFollowedByAnother(t *testing.T) {
	track := tracks(t, "drains", tenMinutes, 2)[0]
	for i, step := range track[1:] {
		if step.Target == track[i].Target {
			t.Errorf("step %d: %s after %s", i+1, step, track[i])
		}
	}
}

func TestAPausedServerIsPastItsLeaseMostly(t *testing.T) {
	var past, all int
	for _, step := range tracks(t, "pause", tenMinutes, 4)[0] {
		all++
		if step.Hold > 3*time.Second {
			past++
		}
	}
	if past*2 < all || past == all {
		t.Errorf("%d of %d pauses are past the lease", past, all)
	}
}

func TestAnUnknownMode(t *testing.T) {
	if _, err := plan("rain", tenMinutes, 1); err == nil {
		t.Error("there is a plan for rain")
	}
}

func tracks(t *testing.T, mode string, s Shape, seed uint64) [][]Step {
	t.Helper()
	tracks, err := plan(mode, s, seed)
	if err != nil {
		t.Fatal(err)
	}
	return tracks
}
