package command

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"croupier/servers/token"
)

func TestReadingATokenCanBeInterrupted(t *testing.T) {
	silent, typing := io.Pipe() // nobody types
	defer typing.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	err := VerifyToken{Key: token.NewKey()}.Run(ctx, Streams{In: silent, Out: io.Discard, Err: io.Discard})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
}

func TestNoTokenGetsTheCommandLinesOwnAdvice(t *testing.T) {
	err := VerifyToken{Key: token.NewKey()}.Run(t.Context(), Streams{In: strings.NewReader(" \n"), Out: io.Discard, Err: io.Discard})
	if err == nil || strings.Contains(err.Error(), "?token=") || !strings.Contains(err.Error(), "croupier token verify <") {
		t.Fatalf("error %v", err)
	}
}
