package command

import "context"

// interruptible waits for what read takes from the user, or for ctx to end. A
// read from a terminal cannot be called off: after an interrupt the goroutine
// stays in it, and the process ends right after.
func interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-done:
		return r.text, r.err
	}
}
