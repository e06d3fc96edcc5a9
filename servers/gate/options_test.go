package main

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"

	"croupier/servers/internal/cmdline"
	"croupier/servers/token"
)

func env(more map[string]string) func(string) string {
	key := token.NewKey()
	return func(name string) string {
		if name == "JWT_KEY" {
			return key
		}
		return more[name]
	}
}

func TestNATS(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  string
		want string
	}{
		{nil, "", ""},
		{nil, "nats://a:4222", "nats://a:4222"},
		{[]string{"--nats", "nats://b:4222,c:4222"}, "nats://a:4222", "nats://b:4222,c:4222"},
		{[]string{"--nats", ""}, "nats://a:4222", ""},
	} {
		o, err := parse(c.args, env(map[string]string{"NATS_URL": c.env}), new(bytes.Buffer))
		if err != nil || o.nats != c.want {
			t.Errorf("%v with %q: %q %v, want %q", c.args, c.env, o.nats, err, c.want)
		}
	}
}

// What is wrong fits on a line, says the next step, and tells no secret.
func TestMisuse(t *testing.T) {
	for _, args := range [][]string{
		{"--nats", "nats://secret@"}, {"--nats", "://secret@"}, {"--nats", "nats://secret@a:4222, nats://:secret@"}, {"--games", "dice"}, {"--rate", "0"}, {"more"},
	} {
		_, err := parse(args, env(nil), new(bytes.Buffer))
		var out bytes.Buffer
		if status := cmdline.Status("gate", err, &out); status != cmdline.StatusUsage || strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "secret") {
			t.Errorf("%v: exit %d, %q", args, status, out.String())
		}
	}
}

// Help has examples and, whatever the environment holds, no secret.
func TestHelp(t *testing.T) {
	var out bytes.Buffer
	_, err := parse([]string{"--help"}, env(map[string]string{"NATS_URL": "nats://secret@a:4222"}), &out)
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "Examples:") || strings.Contains(out.String(), "secret") {
		t.Errorf("%v: %s", err, out.String())
	}
}
