package command

import (
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	mostGames = 50
	// filesBeside are the files that a demo has open besides those of the players, of whom each has
	// two: its own end of the connection, and the gate's.
	filesBeside = 512
)

// check refuses what can't be played. files is how many may be open at once, 0 if nobody knows.
func (o RunDemo) check(files int) error {
	switch {
	case o.Bots < 1 || o.For <= 0 || o.Round <= 0 || o.Idle <= 0 || o.Grace <= 0:
		return usage("demo: --bots, --for, --round, --idle and --grace must be positive")
	case o.Games < 1 || o.Games > mostGames:
		return usage("demo: --games %d: from 1 to %d", o.Games, mostGames)
	case files > 0 && 2*o.Bots+filesBeside > files:
		most := max((files-filesBeside)/2, 0)
		return usage("demo: %s and the servers in one process need %d open files, and it may have %d: raise the limit (ulimit -n), or use --bots %d at most",
			plural(o.Bots, "bot", "bots"), 2*o.Bots+filesBeside, files, most)
	case o.For < 2*(o.Round+o.Idle):
		return usage("demo: --for %v sees too little of rounds of %v: use --for %v at least, or shorter rounds (--round, --idle)", o.For, o.Round+o.Idle, 2*(o.Round+o.Idle))
	case o.Gates < 1 || o.Gates > mostGames:
		return usage("demo: --gates %d: from 1 to %d", o.Gates, mostGames)
	case o.Every == 0 && o.For < o.least():
		return usage("demo: --for %v is too short for all that is to happen, each with --grace %v: use --for %v at least, a shorter --grace, or --no-restart or --no-kill", o.For, o.Grace, o.least())
	case o.Restart && o.Every >= o.For:
		return usage("demo: --restart-every %v: nothing would be restarted in the %v of --for", o.Every, o.For)
	}
	for flag, file := range map[string]string{"html": o.HTML, "save": o.Save} {
		if file == "" {
			continue
		}
		if folder, err := os.Stat(filepath.Dir(file)); err != nil || !folder.IsDir() {
			return usage("demo: --%s %s: there is no folder %s", flag, file, filepath.Dir(file))
		}
	}
	return nil
}

// least is the shortest time in which all has its turn.
func (o RunDemo) least() time.Duration {
	turns := 1
	if o.Restart {
		turns += o.Games
	}
	if o.Kill {
		turns++
	}
	return time.Duration(turns) * (o.Grace + o.Away)
}

// openFiles is how many files this process may have open; 0: nobody knows. Go has raised the limit
// as far as it may be raised.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}
