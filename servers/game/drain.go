package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"croupier/servers/internal/cmdline"
)

const drainUsage = `Usage: game drain [flags]    ask the server on this host to drain; returns when it holds no room

It takes no new rooms and gives away those it has. How far it is stands on stderr. It goes on by
itself when this command is ended.

Examples:
  game drain
  game drain --ops 127.0.0.1:61011    the second one on this host

Exit codes: 0 it holds no room; 1 failed; 2 the command line can't be followed.

`

// drain asks the server on the same host to drain, and waits until no room is left. The wait has no
// end of its own: where a time-out is wanted, send a SIGTERM and set --drain-timeout, as the
// manifests do.
func drain(args []string) error {
	f := flag.NewFlagSet("game drain", flag.ContinueOnError)
	address := f.String("ops", "127.0.0.1:60011", "`address` of the server's ops port")
	if err := cmdline.Parse(f, args, os.Stderr, drainUsage); err != nil {
		return err
	}
	if err := cmdline.CheckAddress("ops", *address); err != nil {
		return err
	}
	response, err := http.Post("http://"+*address+"/drain", "", nil)
	if err != nil {
		return fmt.Errorf("ask the server to drain: %w: does it run, and is --ops its own?", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1024)) // the status says enough where there is none
		err := fmt.Errorf("ask the server to drain: %s answers %s: %s", *address, response.Status, strings.TrimSpace(string(text)))
		if response.StatusCode == http.StatusNotFound {
			err = fmt.Errorf("%w: is that the ops port of a game server?", err)
		}
		return err
	}
	if _, err := io.Copy(os.Stderr, response.Body); err != nil {
		return fmt.Errorf("wait for the drain: %w", err)
	}
	return nil
}
