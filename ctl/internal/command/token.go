package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"croupier/ctl/internal/output"
	"croupier/servers/token"

	"github.com/urfave/cli/v2"
)

// Token is the verb `token`.
func Token() *cli.Command {
	return &cli.Command{
		Name:      "token",
		Category:  "Players",
		Usage:     "make keys, mint and verify players' tokens",
		UsageText: "croupier token key | mint | verify",
		Description: `The key is read from JWT_KEY, never from a flag: a command line is seen by everyone
on the machine. Several keys are written KID:KEY,KID:KEY; the first one signs.`,
		Subcommands: []*cli.Command{tokenKey(), tokenMint(), tokenVerify()},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownVerb(c, c.Command.Subcommands)
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

func tokenKey() *cli.Command {
	return &cli.Command{
		Name:      "key",
		Usage:     "print a fresh random key",
		UsageText: "croupier token key",
		Description: `Example:
  export JWT_KEY=$(croupier token key)`,
		Action: func(c *cli.Context) error {
			_, err := fmt.Fprintln(c.App.Writer, token.NewKey())
			return err
		},
	}
}

// MintToken signs a token for a player.
type MintToken struct {
	Key  string
	User int64
	TTL  time.Duration
}

func tokenMint() *cli.Command {
	return &cli.Command{
		Name:      "mint",
		Usage:     "print a token for a user, signed with JWT_KEY",
		UsageText: "croupier token mint --user ID [--ttl 1h]",
		Description: `Example:
  CROUPIER_TOKEN=$(croupier token mint --user 7) tui-client --room 1`,
		Flags: []cli.Flag{
			&cli.Int64Flag{Name: "user", Aliases: []string{"u"}, Usage: "the user's `ID`, from 1"},
			&cli.DurationFlag{Name: "ttl", Value: time.Hour, Usage: "how long the token is valid; 0: for ever"},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("token mint takes no argument: write `croupier token mint --user ID`")
			}
			if c.Int64("user") <= 0 || c.Duration("ttl") < 0 {
				return usage("token mint: for whom? write `croupier token mint --user ID`, with an id from 1 and a --ttl that is not negative")
			}
			return MintToken{Key: os.Getenv("JWT_KEY"), User: c.Int64("user"), TTL: c.Duration("ttl")}.Run(c.Context, streams(c))
		},
	}
}

// Run prints the token.
func (o MintToken) Run(_ context.Context, s Streams) error {
	keys, err := playerKeys(o.Key)
	if err != nil {
		return err
	}
	signed, err := keys.Sign(o.User, o.TTL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, signed)
	return err
}

// VerifyToken checks a token that is read from standard input.
type VerifyToken struct {
	Key    string
	Format output.Format
}

func tokenVerify() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check the token on standard input against JWT_KEY, and print what it says",
		UsageText: "croupier token verify [-o json|yaml] < TOKEN",
		Description: `Exit code 1: the token is not valid.

Example:
  croupier token mint --user 7 | croupier token verify`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "print as `FORMAT`: json or yaml"},
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("token verify reads the token from standard input, not from the command line: write `croupier token verify < FILE`")
			}
			format, err := output.ParseFormat(c.String("output"))
			if err != nil {
				return usage("%v", err)
			}
			return VerifyToken{Key: os.Getenv("JWT_KEY"), Format: format}.Run(c.Context, streams(c))
		},
	}
}

// Run prints the claims of a valid token.
func (o VerifyToken) Run(ctx context.Context, s Streams) error {
	keys, err := playerKeys(o.Key)
	if err != nil {
		return err
	}
	if output.IsTerminal(s.In) {
		fmt.Fprintln(s.Err, "paste the token, then Ctrl-D")
	}
	text, err := interruptible(ctx, func() (string, error) {
		read, err := io.ReadAll(io.LimitReader(s.In, token.MaxLength+2))
		return strings.TrimSpace(string(read)), err
	})
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	if text == "" {
		return errors.New("read the token: standard input is empty: write `croupier token verify < FILE`, or `croupier token mint --user ID | croupier token verify`")
	}
	claims, err := keys.Verify(text)
	if err != nil {
		return err
	}
	expires := "never"
	if !claims.Expires.IsZero() {
		expires = claims.Expires.UTC().Format(time.RFC3339)
	}
	if o.Format == output.JSON || o.Format == output.YAML {
		return output.Encode(s.Out, o.Format, map[string]any{"user": claims.User, "expires": expires})
	}
	_, err = fmt.Fprintf(s.Out, "user %d, expires %s\n", claims.User, expires)
	return err
}

// playerKeys reads JWT_KEY's value.
func playerKeys(value string) (*token.Keys, error) {
	keys, err := token.ParseKeys(value)
	switch {
	case errors.Is(err, token.ErrNoKey):
		return nil, usage("JWT_KEY is not set: `export JWT_KEY=$(croupier token key)` sets a fresh one; `croupier dev` prints its own")
	case err != nil:
		return nil, usage("JWT_KEY: %v", err)
	}
	return keys, nil
}
