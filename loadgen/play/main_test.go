package play

import (
	"testing"

	"go.uber.org/goleak"
)

// Whatever a run was, nothing of it goes on.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
