package load

import (
	"testing"

	"go.uber.org/goleak"
)

// Every bot goes home; a goroutine that outlives them is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
