package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Explain adds the next step to an error that has its cause between here and
// the API server, and leaves any other alone.
func (f *Fleet) Explain(err error) error {
	var request *url.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &request):
		return fmt.Errorf("%w\nnext: the API server at %s cannot be reached: ask it with `kubectl cluster-info`, or choose another cluster with --context or --kubeconfig", err, f.Server)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%w\nnext: the API server at %s does not know this user: log in again, or choose other credentials with --context or --kubeconfig", err, f.Server)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w\nnext: see with `kubectl auth can-i --list --namespace %s` what this user may do, or choose another one with --context", err, f.Namespace)
	}
	return err
}
