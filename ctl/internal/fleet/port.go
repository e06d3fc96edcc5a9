package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Port is the operations port of one server.
type Port interface {
	// Do sends a request, with a JSON body where there is one, and returns the
	// body of the answer as it comes; any status but success is an error with
	// what the server said. The path has no leading slash.
	Do(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error)
	// String names the server.
	String() string
}

// Port is the operations port of a pod, through the API server.
func (f *Fleet) Port(pod string, port int) Port { return podPort{fleet: f, pod: pod, port: port} }

type podPort struct {
	fleet *Fleet
	pod   string
	port  int
}

func (p podPort) String() string { return "pod " + p.pod }

func (p podPort) Do(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	request := p.fleet.Kube.CoreV1().RESTClient().Verb(method).Namespace(p.fleet.Namespace).Resource("pods").
		Name(fmt.Sprintf("http:%s:%d", p.pod, p.port)).SubResource("proxy").Suffix(path)
	if body != nil {
		request = request.SetHeader("Content-Type", "application/json").Body(body)
	}
	stream, err := request.Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask %s for /%s: %w", p, path, said(err))
	}
	return stream, nil
}

// said makes an error of what a server answered through the API server, whose
// own words for it hide the server's.
func said(err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return err
	}
	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			if text := strings.TrimSpace(cause.Message); text != "" && text != "unknown" {
				return fmt.Errorf("%s (%d)", text, status.Status().Code)
			}
		}
	}
	return err
}

// LocalPort is the operations port of a server that this machine reaches
// itself, at http://HOST:PORT.
func LocalPort(url string) Port { return localPort(strings.TrimSuffix(url, "/")) }

type localPort string

// whichPort is the next step where nothing or something else answers.
var whichPort = fmt.Sprintf("next: is that the ops port of a running server? a gate's is :%d, a game server's :%d", GateOpsPort, GameOpsPort)

func (p localPort) String() string { return string(p) }

func (p localPort) Do(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, string(p)+"/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s for /%s: %w", p, path, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, whichPort)
	}
	if response.StatusCode/100 == 2 {
		return response.Body, nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	answer := fmt.Errorf("ask %s for /%s: %s (%d)", p, path, strings.TrimSpace(string(text)), response.StatusCode)
	if response.StatusCode == http.StatusNotFound {
		answer = fmt.Errorf("%w\n%s", answer, whichPort)
	}
	return nil, errors.Join(answer, err)
}

// Gates lists the ready pods of the gate.
func (f *Fleet) Gates(ctx context.Context) ([]string, error) {
	all, err := f.Workloads(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, w := range all {
		if w.Component != GateComponent {
			continue
		}
		for _, p := range w.Pods {
			if p.Ready && !p.Terminating {
				names = append(names, p.Name)
			}
		}
	}
	return names, nil
}

// Pod reads one pod of a game, and the set that it is of.
func (f *Fleet) Pod(ctx context.Context, name string) (*Workload, *corev1.Pod, error) {
	all, err := f.Workloads(ctx)
	if err != nil {
		return nil, nil, err
	}
	missing := NotFoundError{Kind: "pod", Name: name, Namespace: f.Namespace}
	for _, w := range all {
		if !w.IsGame() {
			continue
		}
		for i := range w.PodList {
			if w.PodList[i].Name == name {
				return w, &w.PodList[i], nil
			}
			missing.Have = append(missing.Have, w.PodList[i].Name)
		}
	}
	return nil, nil, missing
}
