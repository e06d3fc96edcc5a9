package main

import (
	"bytes"
	"strings"
	"testing"

	"croupier/servers/internal/cmdline"
)

// An empty --nats stands over the environment, as any other does.
func TestNATS(t *testing.T) {
	t.Setenv("NATS_URL", "nats://a:4222")
	for _, test := range []struct {
		args []string
		want string
	}{{[]string{"--dev"}, "nats://a:4222"}, {[]string{"--dev", "--nats", ""}, ""}, {[]string{"--dev", "--nats", "nats://b:4222"}, "nats://b:4222"}} {
		if o, err := parse(test.args, "", new(bytes.Buffer)); err != nil || o.nats != test.want {
			t.Errorf("%q: %q %v, want %q", test.args, o.nats, err, test.want)
		}
	}
}

// What is wrong fits on a line and tells no secret.
func TestMisuse(t *testing.T) {
	for _, args := range [][]string{
		{"--nats", "nats://"}, {"--nats", "http://secret@a:4222"}, {"--max-rooms", "0"}, {"--name", ""}, {"--seats", "0"}, {"--direct", "yes"}, {"--games", "poker"}, {"more"},
	} {
		_, err := parse(append([]string{"--dev"}, args...), "", new(bytes.Buffer))
		var out bytes.Buffer
		if status := cmdline.Status("game", err, &out); status != cmdline.StatusUsage || strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "secret") {
			t.Errorf("%q: status %d, %q", args, status, out.String())
		}
	}
}

func TestReachable(t *testing.T) {
	for _, advertise := range []string{"dice", ":60001", "dice:0"} {
		if _, err := reachable(advertise, nil); cmdline.Status("game", err, new(bytes.Buffer)) != cmdline.StatusUsage {
			t.Errorf("--advertise %s: %v", advertise, err)
		}
	}
	if got, err := reachable("dice-0.dice:60001", nil); err != nil || got != "dice-0.dice:60001" {
		t.Error(got, err)
	}
}
