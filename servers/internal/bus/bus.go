// Package bus connects to NATS, and can be the NATS server itself.
package bus

import (
	"context"
	"errors"
	"log/slog"

	"github.com/nats-io/nats.go"
)

// Dial connects, and stays connected for ever: a connection that is lost is made again. name is what operators see. The
// credentials come from the environment: NATS_TOKEN, or NATS_CREDS, a file.
func Dial(ctx context.Context, url, name string, log *slog.Logger) (*nats.Conn, error) {
	return nil, errors.ErrUnsupported
}

// An Embedded is a NATS server with JetStream in this process, on loopback.
type Embedded struct{}

// Embed starts one; storeDir "" keeps everything in memory.
func Embed(storeDir string) (*Embedded, error) { return nil, errors.ErrUnsupported }

// URL is what Dial takes; it contains the server's token.
func (e *Embedded) URL() string { return "" }

// Close stops the server and waits for its end.
func (e *Embedded) Close() {}
