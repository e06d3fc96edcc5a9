//go:build !linux

package link

func choosePortLate(uintptr) {}
