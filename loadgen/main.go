package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"croupier/loadgen/internal/command"
	"croupier/loadgen/internal/priority"
)

func main() {
	priority.Raise()
	stages, release := notify()
	code := command.Main(stages, os.Args, os.Getenv, command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	release()
	os.Exit(code)
}

// notify returns stages of which each SIGINT or SIGTERM ends one, and a function that stops
// listening.
func notify() (command.Stages, func()) {
	kill, cancelKill := context.WithCancel(context.Background())
	stop, cancelStop := context.WithCancel(kill)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, end := range []func(){cancelStop, cancelKill} {
			select {
			case <-signals:
				end()
			case <-kill.Done():
				return
			}
		}
	}()
	return command.Stages{Stop: stop, Kill: kill}, func() {
		signal.Stop(signals)
		cancelKill()
		<-ended
	}
}
