package command

import (
	"runtime/debug"

	"croupier/servers"
)

// version is what the linker stamped, as into the servers, else the module's
// version, else the commit that ctl was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if servers.Version != "dev" || !ok {
		return servers.Version
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return servers.Version
}
