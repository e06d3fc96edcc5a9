package render

import "sigs.k8s.io/kustomize/kyaml/resid"

// resID selects objects of a kind by an exact name; both are regular
// expressions to kustomize, which anchors them.
func resID(kind, name string) resid.ResId {
	return resid.ResId{Gvk: resid.Gvk{Kind: kind}, Name: name}
}
