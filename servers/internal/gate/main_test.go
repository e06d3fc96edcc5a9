package gate

import (
	"testing"

	"go.uber.org/goleak"
)

// A goroutine that outlives every test is a leak.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
