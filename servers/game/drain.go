package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"

	"croupier/servers/internal/cmdline"
)

// drain asks the server on the same host to drain, and waits until no room is left. The wait has no
// end of its own: where a time-out is wanted, send a SIGTERM and set --drain-timeout, as the
// manifests do.
func drain(args []string) error {
	f := flag.NewFlagSet("game drain", flag.ContinueOnError)
	address := f.String("ops", "127.0.0.1:60011", "`address` of the server's ops port")
	if err := cmdline.Parse(f, args, os.Stderr, "Usage: game drain [flags]    ask the server on this host to drain; returns when it holds no room\n\n"); err != nil {
		return err
	}
	response, err := http.Post("http://"+*address+"/drain", "", nil)
	if err != nil {
		return fmt.Errorf("ask the server to drain: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the server to drain: %s", response.Status)
	}
	if _, err := io.Copy(os.Stderr, response.Body); err != nil {
		return fmt.Errorf("wait for the drain: %w", err)
	}
	return nil
}
