// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
	corev1 "k8s.io/api/core/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
	"github.com/stanzaflow/stanzaflow/workflows"
)

// drillPods returns the pod of the drills of each golden that has one, as Argo makes it: its
// own containers and the one of the template, patched as the template says.
func drillPods(t *testing.T) map[string]*corev1.PodSpec {
	t.Helper()
	template := &wfv1.WorkflowTemplate{}
	if err := sigsyaml.Unmarshal(workflows.Drill, template); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(template.Spec.Templates, func(t wfv1.Template) bool { return t.Name == "restore" })
	restore := template.Spec.Templates[i]
	pods := map[string]*corev1.PodSpec{}
	for _, file := range given.Glob(t, filepath.Join(goldens, "*", "want.yaml"), 30) {
		for _, object := range given.Documents(t, file) {
			config, ok := object["drillConfig"].(map[string]any)
			if !ok {
				continue
			}
			patch, err := sigsyaml.YAMLToJSON([]byte(config["data"].(map[string]any)[vocab.DrillConfigPod].(string)))
			if err != nil {
				t.Fatal(err)
			}
			main := *restore.Container.DeepCopy()
			main.Name = "main"
			pod := corev1.PodSpec{
				ServiceAccountName: restore.ServiceAccountName, SecurityContext: template.Spec.SecurityContext, Volumes: template.Spec.Volumes,
				InitContainers: []corev1.Container{{Name: "init", Image: "argoexec"}}, Containers: []corev1.Container{{Name: "wait", Image: "argoexec"}, main},
			}
			patched, err := util.ApplyPodSpecPatch(pod, template.Spec.PodSpecPatch, string(patch))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			pods[filepath.Base(filepath.Dir(file))] = patched
		}
	}
	if len(pods) < 2 {
		t.Fatalf("the goldens have %d pods of drills", len(pods))
	}
	return pods
}

// TestDrillPod shows that what the operator writes and the template fit each other: Argo
// makes one pod of both that has the program, the volume and the user of PostgreSQL, and
// keeps to the restricted Pod Security Standard.
func TestDrillPod(t *testing.T) {
	t.Parallel()
	for name, pod := range drillPods(t) {
		text, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		container := func(all []corev1.Container, name string) corev1.Container {
			i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == name })
			if i < 0 {
				t.Fatalf("no container %s: %s", name, text)
			}
			return all[i]
		}
		main, copies := container(pod.Containers, drill.ContainerName), container(pod.InitContainers, drill.BinaryInit)
		if main.Image != "registry.example.com/postgres:17" || main.Command[0] != drill.Binary || copies.Image == main.Image {
			t.Errorf("%s: images %s and %s, command %v", name, main.Image, copies.Image, main.Command)
		}
		for path, of := range map[string]corev1.Container{drill.DataMount: main, drill.BinaryMount: copies, "/run/stanzaflow": main, "/etc/pgbackrest/conf.d": main} {
			i := slices.IndexFunc(of.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == path })
			if i < 0 || !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == of.VolumeMounts[max(i, 0)].Name }) {
				t.Errorf("%s: nothing is mounted at %s of %s", name, path, of.Name)
			}
		}
		if s := pod.SecurityContext; s.RunAsUser == nil || *s.RunAsUser != 26 || *s.FSGroup != 26 || !*s.RunAsNonRoot || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: the pod is %+v, and PostgreSQL is user 26", name, s)
		}
		for _, c := range slices.Concat(pod.Containers, pod.InitContainers) {
			s := c.SecurityContext
			if s == nil || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || s.Privileged != nil && *s.Privileged {
				t.Errorf("%s: container %s with %+v", name, c.Name, s)
			}
		}
		for _, v := range pod.Volumes {
			if v.EmptyDir == nil && v.Projected == nil && v.ConfigMap == nil && v.Secret == nil && v.Ephemeral == nil {
				t.Errorf("%s: volume %+v", name, v)
			}
		}
	}
}
