// Package e2e drives the whole of Croupier as its operators and players do: the real ctl, images,
// load generator and client library, against a real Kubernetes (scripts/cluster). Its tests
// assert on what the API server and the game servers say, never on what ctl claims.
//
//	scripts/cluster/up
//	eval "$(scripts/cluster/env)"
//	go test -tags e2e -v ./scripts/e2e
//
// Each test works in the namespace croupier, which it deletes at the start and leaves at the end.
package e2e
