package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// CheckPrefix refuses what is no place in a registry for an image.
func CheckPrefix(prefix string) error {
	if strings.Contains(prefix, "//") { // the library takes https: for a host
		return fmt.Errorf("%s: a URL is no name of an image", prefix)
	}
	_, err := name.NewRepository(strings.TrimSuffix(prefix, "/") + "/croupier/game")
	return err
}

// Push copies an archive to a registry under prefix (registry[/path]) and
// returns the reference with its digest, which is what to deploy.
func Push(ctx context.Context, archive, prefix string, insecure bool) (string, error) {
	img, ref, err := ReadArchive(archive)
	if err != nil {
		return "", err
	}
	var options []name.Option
	if insecure {
		options = append(options, name.Insecure)
	}
	to, err := name.NewTag(strings.TrimSuffix(prefix, "/")+"/"+ref.RepositoryStr()+":"+ref.TagStr(), options...)
	if err != nil {
		return "", fmt.Errorf("push %s: %w", ref.RepositoryStr(), err)
	}
	if err := remote.Write(to, img, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return "", fmt.Errorf("push %s: %w%s", to, err, advice(err, to.RegistryStr()))
	}
	digest, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("push %s: %w", to, err)
	}
	return to.Context().Digest(digest.String()).Name(), nil
}

// advice is what to try when a registry did not take an image.
func advice(err error, registry string) string {
	var (
		denied  *transport.Error
		request *url.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case errors.As(err, &denied) && (denied.StatusCode == http.StatusUnauthorized || denied.StatusCode == http.StatusForbidden):
		return fmt.Sprintf(" (log in with `docker login %s`)", registry)
	case strings.Contains(err.Error(), http.ErrSchemeMismatch.Error()):
		return " (it speaks without TLS: allow that with --insecure)"
	case errors.As(err, &request):
		return fmt.Sprintf(" (does a registry listen at %s? name another with --to; --insecure allows one without TLS)", registry)
	}
	return ""
}

// Loader puts an archive into a local cluster's containerd.
type Loader struct {
	Socket string // containerd's
	Kind   string // a kind cluster, instead
	K3s    bool   // k3s's own containerd, instead
}

// Commands are what Load runs for one built image, whose archive is at path.
func (l Loader) Commands(path string, b Built) ([][]string, error) {
	if l.Kind != "" {
		return [][]string{{"kind", "load", "image-archive", path, "--name", l.Kind}}, nil
	}
	ref, err := name.NewTag(b.Reference)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	ctr := []string{"ctr", "-a", l.Socket}
	if l.K3s {
		ctr = []string{"k3s", "ctr"}
	}
	run := func(args ...string) []string {
		return append(append([]string(nil), ctr...), append([]string{"-n", "k8s.io", "images"}, args...)...)
	}
	tagged := canonical(ref)
	digested := strings.TrimSuffix(tagged, ":"+ref.TagStr()) + "@" + b.Digest
	return [][]string{
		run("import", path),
		// So that a pod may name the image by its digest too.
		run("tag", "--force", tagged, digested),
	}, nil
}

// Load imports one built image, whose archive is at path.
func (l Loader) Load(ctx context.Context, path string, b Built) error {
	commands, err := l.Commands(path, b)
	if err != nil {
		return err
	}
	for _, line := range commands {
		cmd := exec.CommandContext(ctx, line[0], line[1:]...)
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("load %s: `%s`: %w %s(%s)", b.Reference, strings.Join(line, " "), err, said(output.String()), l.hint(err))
		}
	}
	return nil
}

// hint is what to try when a command did not work.
func (l Loader) hint(err error) string {
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "install it, or load by --kind or --k3s, or push to a registry with `croupier push image`"
	case l.Kind != "":
		return "is that a kind cluster of this machine? see `kind get clusters`"
	case l.K3s:
		return "does k3s run on this machine, and are you root?"
	}
	return "is the node's containerd at that socket, and are you root? name another with --containerd-socket"
}

func said(output string) string {
	if output = strings.TrimSpace(output); output == "" {
		return ""
	}
	return output + " "
}
