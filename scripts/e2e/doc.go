// Package e2e drives the whole of Croupier as its operators and players do: the real ctl, images,
// load generator and client library, against a real Kubernetes (scripts/cluster). Its tests
// assert on what the API server and the game servers say, never on what ctl claims.
//
//	scripts/cluster/up
//	eval "$(scripts/cluster/env)"
//	go test -tags e2e -v ./scripts/e2e
//
// The tests work in the namespace croupier, which they delete at the start, and at the end
// unless a test failed.
package e2e
