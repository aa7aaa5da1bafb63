// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"path/filepath"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

// repoHosts returns the repo host of every golden, as it is applied.
func repoHosts(t *testing.T) map[string]map[string]any {
	t.Helper()
	hosts := map[string]map[string]any{}
	for _, file := range given.Glob(t, filepath.Join(goldens, "*", "want.yaml"), 30) {
		for _, object := range given.Documents(t, file) {
			if host, ok := object["repoHost"].(map[string]any); ok {
				hosts[filepath.Base(filepath.Dir(file))] = host
			}
		}
	}
	if len(hosts) < 20 {
		t.Fatalf("the goldens have %d repo hosts, which cannot be all", len(hosts))
	}
	return hosts
}

// TestRepoHostIsRestricted checks the Pod Security Standard of that name, rule by rule.
func TestRepoHostIsRestricted(t *testing.T) {
	t.Parallel()
	for name, host := range repoHosts(t) {
		var set appsv1.StatefulSet
		if err := sigsyaml.UnmarshalStrict(given.JSON(t, host["statefulSet"]), &set); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pod := set.Spec.Template.Spec
		if pod.HostNetwork || pod.HostPID || pod.HostIPC || len(pod.InitContainers) > 0 {
			t.Errorf("%s: the pod uses a namespace of the node, or has a container that this test does not check", name)
		}
		security := pod.SecurityContext
		if security == nil || !*security.RunAsNonRoot || *security.RunAsUser == 0 || security.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: pod with %+v", name, security)
		}
		for _, c := range pod.Containers {
			security := c.SecurityContext
			if security == nil || *security.AllowPrivilegeEscalation || !slices.Equal(security.Capabilities.Drop, []corev1.Capability{"ALL"}) ||
				len(security.Capabilities.Add) > 0 || security.Privileged != nil || !*security.ReadOnlyRootFilesystem {
				t.Errorf("%s: container %s with %+v", name, c.Name, security)
			}
			if len(c.Env) > 0 || slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.HostPort != 0 }) {
				t.Errorf("%s: container %s has %+v and %+v", name, c.Name, c.Env, c.Ports)
			}
		}
		if *pod.AutomountServiceAccountToken || pod.ServiceAccountName != "" {
			t.Errorf("%s: the pod may talk to the API server", name)
		}
		// An API server refuses a volume of no kind. Without a mode for its files,
		// pgBackRest would refuse the permissions of a key.
		for _, v := range pod.Volumes {
			switch {
			case v.PersistentVolumeClaim != nil, v.EmptyDir != nil:
			case v.Projected != nil && *v.Projected.DefaultMode == 0o640 && len(v.Projected.Sources) > 0:
			default:
				t.Errorf("%s: volume %+v", name, v)
			}
		}
	}
}
