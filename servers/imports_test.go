package servers

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// rules say what a package must not import, not even through others, and why. A path that ends in
// "/" means everything below it.
var rules = []struct {
	of, not, why string
}{
	{"croupier/servers/internal/room/", "croupier/", "the room core knows no network, no format and no game: it is the standard library and itself"},
	{"croupier/servers/internal/room/", "google.golang.org/", "the room core knows no message format"},
	{"croupier/servers/internal/gate/", "croupier/servers/internal/room", "a gate carries messages and never looks into a room"},
	{"croupier/servers/internal/gate/", "croupier/servers/internal/games", "a new kind of game must not need a new gate"},
	{"croupier/servers/internal/gameserver/", "croupier/servers/internal/gate", "a game server does not know who brings its players"},
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
	{"croupier/loadgen/", "k8s.io/", "a bot needs no cluster"},
	{"croupier/tui-client/", "k8s.io/", "a player needs no cluster"},
}

func TestImportsRunOneWay(t *testing.T) {
	for path, imports := range listPackages(t) {
		for _, rule := range rules {
			if !within(path, rule.of) {
				continue
			}
			for _, imported := range imports {
				if within(imported, rule.not) && !within(imported, rule.of) {
					t.Errorf("%s imports %s, but %s", path, imported, rule.why)
				}
			}
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
