package fleet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// Exec runs a program in a pod's container, gives it input and returns what it
// writes to standard output. An error carries what it wrote to standard error.
func (f *Fleet) Exec(ctx context.Context, pod, container string, command []string, input io.Reader) ([]byte, error) {
	line := strings.Join(command, " ")
	request := f.Kube.CoreV1().RESTClient().Post().Namespace(f.Namespace).Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: container, Command: command, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(f.config, "POST", request.URL())
	if err != nil {
		return nil, fmt.Errorf("run `%s` in pod %s: %w", line, pod, err)
	}
	var out, errs bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: input, Stdout: &out, Stderr: &errs})
	if err != nil {
		if text := strings.TrimSpace(errs.String()); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return out.Bytes(), fmt.Errorf("run `%s` in pod %s: %w", line, pod, err)
	}
	return out.Bytes(), nil
}
