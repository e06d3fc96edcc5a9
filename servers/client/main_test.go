package client

import (
	"testing"

	"go.uber.org/goleak"
)

// Every test closes its clients; a goroutine that outlives them all is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
