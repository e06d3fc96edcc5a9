// Package manifests carries the Kubernetes manifests inside the binary, so that
// `croupier deploy` works away from the checkout.
package manifests

import "embed"

// FS holds base, components and overlays, as kustomize reads them.
//
//go:embed base components overlays
var FS embed.FS
