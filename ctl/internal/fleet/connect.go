// Package fleet reads and changes what runs in a cluster: StatefulSets and
// their revisions, Deployments, pods and Services. It decides nothing (package
// canary does) and prints nothing (package output does).
//
// Every write carries the field manager Manager and a precondition, so that a
// plan made from an old picture fails instead of undoing another person's work.
package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"k8s.io/apimachinery/pkg/api/meta"
)

// Names that the manifests and this package agree on.
const (
	Manager            = "croupier-ctl"
	NameLabel          = "app.kubernetes.io/name"
	ComponentLabel     = "app.kubernetes.io/component"
	GameComponent      = "game"
	GateComponent      = "gate"
	PartOfLabel        = "app.kubernetes.io/part-of"
	PartOf             = "croupier"
	GroupLabel         = "croupier.dev/group"
	PreviousAnnotation = "croupier.dev/previous-revision"
)

// Target says which cluster and which namespace, as kubectl's flags do.
type Target struct {
	Kubeconfig string
	Context    string
	Namespace  string
}

// Fleet is a connection to one namespace of one cluster.
type Fleet struct {
	Kube      kubernetes.Interface
	Dynamic   dynamic.Interface
	Mapper    meta.RESTMapper
	Namespace string
	Server    string // the API server's address, for plans

	config *rest.Config // for what needs a connection of its own: Exec
}

// Connect reads the kubeconfig as kubectl does: the flag, else $KUBECONFIG,
// else ~/.kube/config, else the pod's own service account. It does not yet
// talk to the cluster.
func Connect(t Target) (*Fleet, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = t.Kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: t.Context}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		raw, unread := loader.RawConfig()
		if unread != nil {
			err = unread
		}
		return nil, noConfig(t, slices.Sorted(maps.Keys(raw.Contexts)), err, unread == nil)
	}
	config.UserAgent = Manager
	config.QPS, config.Burst = 50, 100
	return fromConfig(config, t.Namespace)
}

// noConfig says why there is no configuration, in the words of our flags.
func noConfig(t Target, contexts []string, err error, read bool) error {
	const name = "name one with --kubeconfig or $KUBECONFIG"
	switch {
	case t.Context != "" && len(contexts) > 0 && !slices.Contains(contexts, t.Context):
		return fmt.Errorf("--context %s: the kubeconfig has no such context (it has: %s)", t.Context, strings.Join(contexts, ", "))
	case t.Kubeconfig != "" && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("--kubeconfig %s: there is no such file", t.Kubeconfig)
	case clientcmd.IsEmptyConfig(err), read && len(contexts) == 0:
		return errors.New("no kubeconfig, or an empty one: " + name)
	case t.Context == "" && clientcmd.IsContextNotFound(err):
		return fmt.Errorf("read the kubeconfig: its current-context is not in it: choose with --context (it has: %s)", strings.Join(contexts, ", "))
	}
	return fmt.Errorf("read the kubeconfig: %w (%s)", err, name)
}

func fromConfig(config *rest.Config, namespace string) (*Fleet, error) {
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", config.Host, err)
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for %s: %w", config.Host, err)
	}
	return &Fleet{
		Kube:      kube,
		Dynamic:   dyn,
		Mapper:    restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(kube.Discovery())),
		Namespace: namespace,
		Server:    config.Host,
		config:    config,
	}, nil
}
