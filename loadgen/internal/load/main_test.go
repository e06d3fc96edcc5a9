package load

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Every bot goes home; a goroutine that outlives them is a leak.
func TestMain(m *testing.M) {
	if os.Getenv(stubVariable) != "" {
		serveStub()
		return
	}
	goleak.VerifyTestMain(m)
}
