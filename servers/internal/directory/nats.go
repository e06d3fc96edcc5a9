package directory

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// OpenNATS opens the buckets in JetStream, and makes those that are missing. The connection stays the caller's; it must not
// be closed before the Directories that use the store.
func OpenNATS(ctx context.Context, conn *nats.Conn, replicas int) (Store, error) {
	return nil, errors.ErrUnsupported
}
