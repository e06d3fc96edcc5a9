# What a developer does with this repository. `just` lists it; each recipe is one command that also works without just.

_default:
    @just --list

# format, vet, lint, and whether generated code is fresh
check:
    scripts/check

# all tests that need nothing but Go
test:
    go test ./...

# the same under the race detector (needs a C compiler)
race:
    go test -race ./...

# every fuzz target for a while each
fuzz time="20s":
    scripts/fuzz {{time}}

# Go's benchmarks
bench:
    go test -run '^$' -bench . -benchmem ./...

# what a player costs: gate and game server against a bare WebSocket echo, in one run
bench-hop *flags:
    go run ./scripts/bench-hop {{flags}}

# write the generated code
gen:
    go run ./scripts/gen

# bots, and every game server replaced under them, in one process
demo *flags:
    go run ./ctl demo {{flags}}

# a gate and a game server in one process, on loopback
dev *flags:
    go run ./ctl dev {{flags}}

# the same, with the table in this terminal
play *flags:
    go run ./ctl dev --play {{flags}}

# real servers are drained, killed and cut off from each other under play (see scripts/chaos/README.md)
chaos *flags:
    go run ./scripts/chaos {{flags}}

# the end-to-end test on a throw-away Kubernetes (needs root and Debian; see scripts/cluster/README.md)
cluster-test:
    scripts/ci-cluster
