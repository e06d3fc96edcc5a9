package servers

// Version names the build in logs, metrics and /version. The linker sets it:
// -ldflags "-X croupier/servers.Version=v1.2.3".
var Version = "dev"
