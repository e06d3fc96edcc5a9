package main

import (
	"context"
	"errors"
	"io"
)

func (h *house) figures(ctx context.Context, load Load, seed uint64, out io.Writer) (int, error) {
	return 3, errors.New("not yet")
}
