//go:build !linux

package link

import "errors"

// rawIO says that sockets are read and written directly; here they are used as package net has them.
const rawIO = false

var errNoRawIO = errors.New("sockets are not read directly on this system")

func readNow(uintptr, []byte) (int, error) { return 0, errNoRawIO }

func writeNow(uintptr, []byte) (int, error) { return 0, errNoRawIO }
