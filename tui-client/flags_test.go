package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"croupier/servers/client"
	"croupier/servers/token"
	"croupier/tui-client/table"
)

// parse runs the command line up to the table.
func parse(t *testing.T, args ...string) (table.Config, error) {
	t.Helper()
	t.Setenv("CROUPIER_TOKEN", "")
	t.Setenv("JWT_KEY", "")
	var got table.Config
	a := app()
	a.Writer, a.ErrWriter = io.Discard, io.Discard
	a.Action = func(c *cli.Context) (err error) {
		got, err = configOf(c)
		return err
	}
	err := a.Run(append([]string{"tui-client"}, args...))
	return got, err
}

func signed(t *testing.T, key string, user int64) string {
	t.Helper()
	keys, err := token.ParseKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := keys.Sign(user, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFlags(t *testing.T) {
	key := token.NewKey()
	c, err := parse(t, "--key", key, "--user", "7", "--room", "3", "--seat", "2", "--auto", "--rounds", "4", "--for", "2s")
	if err != nil || c.User != 7 || c.Place != (client.Place{Game: "dice", Room: 3, Seat: 2}) || !c.Auto || c.Rounds != 4 || c.For != 2*time.Second {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = parse(t, "--token", signed(t, key, 12)); err != nil || c.User != 12 || c.Place.Seat != client.AnySeat {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = parse(t, "--key", key); err != nil || c.User <= 0 || c.Place.Room != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = parse(t, "--key", key, "--gate", "ws://a:1,ws://b:1"); err != nil || c.Target.String() != "gates ws://a:1, ws://b:1" {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = parse(t, "--direct", "host:60001"); err != nil || c.Target.String() != "game server host:60001" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWrongCommandLines(t *testing.T) {
	key := token.NewKey()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{}, "no token"},
		{[]string{"--key", key, "room", "--room", "3"}, `unexpected argument "room"`},
		{[]string{"--key", key, strings.Repeat("secret.", 9)}, "unexpected argument: everything"},
		{[]string{"--key", key, "--game", "coin"}, "plays dice"},
		{[]string{"--key", key, "--user", "-1"}, "positive"},
		{[]string{"--key", key, "--gate", "ftp://foo"}, `"ftp://foo": not a valid address: a gate's address looks like ws://host:60006`},
		{[]string{"--key", key, "--gate", "ws://a:1,ws://b:99999?token=x"}, `"ws://b:99999": not`},
		{[]string{"--direct", "host"}, `"host": not a valid address: a game server's address looks like host:60001`},
		{[]string{"--key", key, "--room", "-1"}, "--room -1"},
		{[]string{"--key", key, "--seat", "-2"}, "--seat -2"},
		{[]string{"--key", key, "--for", "-1s"}, "negative"},
		{[]string{"--key", key, "--rounds", "-1"}, "negative"},
		{[]string{"--key", key, "--bogus"}, "bogus"},
		{[]string{"--key", key, "--gate", "ws://x", "--direct", "x:1"}, "exclude"},
		{[]string{"--key", "c2hvcnQ="}, "--key or JWT_KEY"},
		{[]string{"--token", "nonsense"}, "does not say who you are"},
		{[]string{"--token", signed(t, key, 12), "--user", "13"}, "--user 13"},
	} {
		_, err := parse(t, test.args...)
		var wrong *usageError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.args, err, test.want)
		}
	}
}

// TestHelpShowsNoSecret: the help prints defaults, and those may come from the environment.
func TestHelpShowsNoSecret(t *testing.T) {
	t.Setenv("CROUPIER_TOKEN", "secret-token")
	t.Setenv("JWT_KEY", "secret-key")
	var out bytes.Buffer
	a := app()
	a.Writer = &out
	if err := a.Run([]string{"tui-client", "--help"}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "secret-") || !strings.Contains(out.String(), "--rounds") {
		t.Errorf("the help is\n%s", out.String())
	}
}
