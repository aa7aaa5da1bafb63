//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

// group is a cgroup with a memory limit. Without a folder it is none.
type group struct {
	folder string
	// limit in bytes, 0 for none.
	limit int64
	files groupFiles
}

// groupFiles are the names of a version of cgroups.
type groupFiles struct{ mount, limit, peak, swap string }

var groupVersions = []groupFiles{
	{mount: "/sys/fs/cgroup", limit: "memory.max", peak: "memory.peak", swap: "memory.swap.max"},
	{mount: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", peak: "memory.max_usage_in_bytes"},
}

func groupFolders(of string) (folders []string) {
	for _, files := range groupVersions {
		folders = append(folders, filepath.Join(files.mount, "stanzaflow-fleet-"+of))
	}
	return folders
}

// newGroup makes a cgroup with a limit. If it cannot, it says so, and there is no limit.
func newGroup(b *testing.B, limit int64) *group {
	b.Helper()
	if limit == 0 {
		return &group{}
	}
	for i, folder := range groupFolders(strconv.Itoa(os.Getpid())) {
		g := &group{folder: folder, limit: limit, files: groupVersions[i]}
		if err := os.Mkdir(folder, 0o755); err != nil && !os.IsExist(err) {
			continue
		}
		b.Cleanup(func() { _ = syscall.Rmdir(folder) })
		// The folder has this file only where memory is limited.
		if _, err := os.Stat(filepath.Join(folder, g.files.limit)); err != nil {
			continue
		}
		if err := g.write(g.files.limit, strconv.FormatInt(limit, 10)); err != nil {
			continue
		}
		if g.files.swap != "" {
			_ = g.write(g.files.swap, "0")
		}
		return g
	}
	say("NO LIMIT: this machine gives no cgroup with a memory limit, so the operator is not killed at %s", mebibytes(limit))
	return &group{}
}

func (g *group) write(file, text string) error {
	return os.WriteFile(filepath.Join(g.folder, file), []byte(text), 0o600)
}

// enter is what a shell does to get into the cgroup.
func (g *group) enter() string {
	if g.folder == "" {
		return ""
	}
	return "echo $$ > " + g.folder + "/cgroup.procs && "
}

// peak is the most that the cgroup has used since the process was started, with the page
// cache of its files.
func (g *group) peak() int64 {
	if g.folder == "" {
		return 0
	}
	text, _ := os.ReadFile(filepath.Join(g.folder, g.files.peak))
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// resetPeak forgets the peak. Older kernels of version 2 cannot.
func (g *group) resetPeak() {
	if g.folder != "" {
		_ = g.write(g.files.peak, "0")
	}
}

// manager is the container of deploy/base/deployment.yaml.
func manager(b *testing.B) corev1.Container {
	b.Helper()
	text, err := os.ReadFile(checkout + "/deploy/base/deployment.yaml")
	if err != nil {
		b.Fatal(err)
	}
	var deployment appsv1.Deployment
	if err := yaml.UnmarshalStrict(text, &deployment); err != nil {
		b.Fatalf("cannot read the Deployment: %v", err)
	}
	return deployment.Spec.Template.Spec.Containers[0]
}

// limitOf is the limit of -fleet.limit in bytes, 0 for none.
func limitOf(b *testing.B, container corev1.Container) int64 {
	b.Helper()
	switch *limit {
	case "none":
		return 0
	case "":
		memory := container.Resources.Limits[corev1.ResourceMemory]
		return memory.Value()
	}
	quantity, err := resource.ParseQuantity(*limit)
	if err != nil {
		b.Fatalf("-fleet.limit is %q, want a quantity such as 512Mi, or none: %v", *limit, err)
	}
	return quantity.Value()
}

// environOf is the environment of the operator in its container: what the Deployment sets,
// and nothing of this program's that would change how Go uses memory.
func environOf(container corev1.Container, limit int64) []string {
	environ := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"GOGC", "GOMEMLIMIT", "GODEBUG", "GOMAXPROCS", "KUBECONFIG", "POD_NAMESPACE"}, name)
	})
	for _, variable := range container.Env {
		switch from := variable.ValueFrom; {
		case variable.Value != "":
			environ = append(environ, variable.Name+"="+variable.Value)
		case from != nil && from.ResourceFieldRef != nil && from.ResourceFieldRef.Resource == "limits.memory" && limit > 0:
			environ = append(environ, variable.Name+"="+strconv.FormatInt(limit, 10))
		}
	}
	return environ
}
