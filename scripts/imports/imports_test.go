// Package imports holds every package of the module to the direction in which imports run.
package imports

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rule says what a package and those below it must not import, not even through others, and why.
// What Go itself refuses, such as importing another program's internal packages, has none.
type rule struct{ of, not, why string }

var rules = []rule{
	{"croupier/servers/internal/room/", "croupier/", "the room core knows no network, no format and no game: it is the standard library and itself"},
	{"croupier/servers/internal/room/", "google.golang.org/", "the room core knows no message format"},
	{"croupier/servers/internal/gate/", "croupier/servers/internal/room", "a gate carries messages and never looks into a room"},
	{"croupier/servers/internal/gate/", "croupier/servers/internal/games", "a new kind of game must not need a new gate"},
	{"croupier/servers/internal/gameserver/", "croupier/servers/internal/gate", "a game server does not know who brings its players"},
	{"croupier/servers/internal/gate/", "croupier/servers/internal/directory", "only game servers know who owns a room: a gate asks them, so that it holds nothing that can be wrong"},
	{"croupier/servers/internal/directory/", "croupier/", "who owns what stands alone: it knows no room, no game and no trunk"},
	{"croupier/servers/internal/bus/", "croupier/", "the connection to NATS stands alone"},
	{"croupier/servers/internal/push/", "croupier/servers/internal/", "a push goes through NATS, whoever sends and takes it"},
	{"croupier/servers/internal/fence/", "croupier/", "news of rooms' owners stands alone"},
	{"croupier/servers/internal/trunk/", "croupier/servers/internal/", "the trunk belongs to both ends and depends on neither"},
	{"croupier/servers/wire/", "croupier/", "the published format stands alone"},
	{"croupier/servers/token/", "croupier/", "tokens stand alone"},
	{"croupier/servers/client/", "croupier/servers/internal/", "a player's program speaks the published format and nothing else"},
	{"croupier/servers/client/", "croupier/servers/token", "a player never holds a key"},
	{"croupier/tui-client/table/", "croupier/servers/internal/", "the table is a client like any other"},
	{"croupier/servers/", "croupier/ctl", "servers do not know the tools that run them"},
	{"croupier/servers/", "croupier/loadgen", "servers do not know the tools that load them"},
	{"croupier/servers/", "croupier/tui-client", "servers do not know the table"},
	{"croupier/servers/", "k8s.io/", "a game server runs anywhere"},
	{"croupier/tui-client/", "k8s.io/", "a player needs no cluster"},
	{"croupier/loadgen/", "k8s.io/", "a bot needs no cluster"},

	{"croupier/loadgen/", "croupier/ctl", "who plays does not know who operates"},
	{"croupier/loadgen/", "croupier/tui-client", "bots have no table to look at"},
	{"croupier/loadgen/", "croupier/servers/stack", "what is loaded is started by others: only tests have both in one process"},
	{"croupier/loadgen/internal/load/", "croupier/servers/token", "bots send tokens that somebody else signs"},
	{"croupier/loadgen/internal/measure/", "croupier/", "times and the generator's health stand alone"},
	{"croupier/loadgen/internal/clock/", "croupier/", "the clock stands alone"},
	{"croupier/loadgen/internal/words/", "croupier/", "figures for people stand alone"},
	{"croupier/loadgen/internal/oracle/", "croupier/loadgen/", "the oracle judges what was seen, whoever saw it"},
	{"croupier/loadgen/internal/oracle/", "croupier/servers/client", "the oracle judges messages, however they came"},
	{"croupier/loadgen/internal/link/", "croupier/loadgen/", "a connection does not know what is said over it"},
	{"croupier/loadgen/internal/bot/", "croupier/loadgen/internal/load", "a bot knows of itself only"},
	{"croupier/loadgen/internal/bot/", "croupier/loadgen/result", "a bot tells its World, and does not know what becomes of it"},
	{"croupier/loadgen/internal/load/", "croupier/loadgen/internal/dashboard", "the population plays, and does not know who shows it"},
	{"croupier/loadgen/internal/load/", "croupier/loadgen/internal/lines", "the population plays, and does not know who shows it"},
	{"croupier/loadgen/internal/load/", "croupier/loadgen/internal/export", "the population plays, and does not know who shows it"},
	{"croupier/loadgen/internal/load/", "croupier/loadgen/internal/report", "the population plays, and does not know who reports it"},
	{"croupier/loadgen/internal/capacity/", "croupier/loadgen/internal/load", "a search is given the function that plays a trial"},
	{"croupier/loadgen/internal/stub/", "croupier/loadgen/", "the stub is a server"},
	{"croupier/loadgen/scenario/", "croupier/servers/", "a scenario is text that any program can write"},
	{"croupier/loadgen/scenario/", "net", "a scenario is read and checked without touching what it is about"},
	{"croupier/ctl/internal/canary/", "croupier/", "the decisions of a canary are pure"},
	{"croupier/ctl/internal/fleet/", "croupier/loadgen", "only verbs play"},
	{"croupier/ctl/internal/image/", "croupier/", "images stand alone"},
	{"croupier/ctl/internal/render/", "croupier/loadgen", "only verbs play"},
}

// blind are the parts of loadgen that show a run or what came of it, or describe one.
var blind = []string{
	"croupier/loadgen/scenario/", "croupier/loadgen/result/", "croupier/loadgen/internal/live/",
	"croupier/loadgen/internal/dashboard/", "croupier/loadgen/internal/lines/", "croupier/loadgen/internal/export/",
	"croupier/loadgen/internal/report/",
}

// bots are the parts that play.
var bots = []string{"croupier/loadgen/internal/load", "croupier/loadgen/internal/bot", "croupier/loadgen/internal/link", "croupier/servers/client"}

func TestImportsRunOneWay(t *testing.T) {
	all := slices.Clone(rules)
	for _, of := range blind {
		for _, not := range bots {
			all = append(all, rule{of, not, "what describes a run, judges it or shows it needs no bots to do so"})
		}
	}
	packages := listPackages(t)
	for _, rule := range all {
		holds := false
		for path, imports := range packages {
			if !within(path, rule.of) {
				continue
			}
			holds = true
			for _, imported := range imports {
				if within(imported, rule.not) && !within(imported, rule.of) {
					t.Errorf("%s imports %s, but %s", path, imported, rule.why)
				}
			}
		}
		if !holds {
			t.Errorf("the rule that %s holds for no package: there is no %s", rule.why, rule.of)
		}
	}
}

// within says whether a package is the one that is named, or below it.
func within(path, named string) bool {
	return path+"/" == named || path == named || strings.HasPrefix(path, strings.TrimSuffix(named, "/")+"/")
}

// listPackages returns what each package of the module imports, directly and through others. Tests
// are left out: they may know more.
func listPackages(t *testing.T) map[string][]string {
	t.Helper()
	command := exec.Command("go", "list", "-json=ImportPath,Deps", "croupier/...")
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	packages := make(map[string][]string)
	for decoder := json.NewDecoder(output); ; {
		var one struct {
			ImportPath string
			Deps       []string
		}
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[one.ImportPath] = one.Deps
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(packages["croupier/servers/internal/room"]) == 0 {
		t.Fatalf("go list does not know the room core among its %d packages", len(packages))
	}
	return packages
}
