//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// processOf finds the process of that name in a pod. The cluster's processes are this machine's, in
// control groups that are named after their pods.
func processOf(podUID, name string) (*os.Process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		groups, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		text := strings.ReplaceAll(string(groups), "_", "-") // as some drivers write it
		comm, err := os.ReadFile(filepath.Join(filepath.Dir(file), "comm"))
		if err != nil || strings.TrimSpace(string(comm)) != name || !strings.Contains(text, "pod"+podUID) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		return os.FindProcess(pid)
	}
	return nil, fmt.Errorf("no process %s is in pod %s", name, podUID)
}
