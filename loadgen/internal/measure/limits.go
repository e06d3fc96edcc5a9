package measure

import "fmt"

// spare is how many files and ports a run has besides those of its bots: the terminal, the result,
// connections that are being replaced.
const spare = 256

// Limits are what the system lets a process have.
type Limits struct {
	Files int // open at once; or Unknown
	Ports int // that one source address has for connections to one other; or Unknown
}

// Sources is how many source addresses so many connections need, among them those that were closed in the
// last minute and that the system has not forgotten yet. Three quarters of each address's ports stay free:
// beyond that the system searches long for one that is (0.2 ms at 18,000 of 28,232).
func (l Limits) Sources(connections int) int {
	if l.Ports == Unknown {
		return connections/5_000 + 1
	}
	return connections/max(l.Ports/4, 1) + 1
}

// Check says whether so many bots can play from so many source addresses (0: as many as they need),
// and what to do if not.
func (l Limits) Check(bots, sources int) error {
	if need := bots + spare; l.Files != Unknown && need > l.Files {
		return fmt.Errorf("%d bots need %d open files, and this process may have %d: %s", bots, need, l.Files,
			advice(fmt.Sprintf("raise the limit (ulimit -n %d)", need), l.Files-spare))
	}
	if l.Ports == Unknown || sources == 0 {
		return nil
	}
	if room := sources*l.Ports - spare; bots > room {
		what := "the source address has"
		if sources != 1 {
			what = fmt.Sprintf("the %d source addresses have", sources)
		}
		return fmt.Errorf("%d bots need as many ports, and %s %d: %s", bots, what, sources*l.Ports,
			advice(fmt.Sprintf("use more addresses (--sources %d), widen net.ipv4.ip_local_port_range", l.Sources(bots)), room))
	}
	return nil
}

func advice(change string, bots int) string {
	if bots <= 0 {
		return change
	}
	return fmt.Sprintf("%s, or play with --bots %d at most", change, bots)
}

// CheckLimits says whether this process can hold so many bots from so many source addresses (0: as
// many as they need), and what to do if not.
func CheckLimits(bots, sources int) error { return ReadLimits().Check(bots, sources) }

// ReadLimits asks the system.
func ReadLimits() Limits { return Limits{Files: fileLimit(), Ports: portRange()} }
