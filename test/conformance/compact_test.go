// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"slices"
	"testing"

	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/run/step"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestCompactDiffersInItsContainersOnly: one container does all steps of the form pod in
// their order, with the same parameters; lock, retries, patch and outputs are the same.
func TestCompactDiffersInItsContainersOnly(t *testing.T) {
	t.Parallel()
	template := backupTemplate(t)
	pod, compact := template.GetTemplateByName(vocab.EntrypointBackup), template.GetTemplateByName(vocab.EntrypointBackupCompact)
	var steps []string
	for _, container := range pod.ContainerSet.Containers {
		steps = append(steps, container.Command[2])
	}
	command := slices.Concat([]string{"/operator", "step"}, steps, []string{"--kind=backup"})
	if diff := cmp.Diff(command, compact.Container.Command); diff != "" {
		t.Errorf("command (-steps of the form pod +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(steps, func(a, b string) int { return slices.Index(step.Names, a) - slices.Index(step.Names, b) }) {
		t.Errorf("steps are not in their order: %v", steps)
	}
	begin, backup := pod.ContainerSet.Containers[0], pod.ContainerSet.Containers[2]
	if diff := cmp.Diff(begin.Args, compact.Container.Args); diff != "" {
		t.Errorf("parameters (-begin +got):\n%s", diff)
	}
	if diff := cmp.Diff(backup.Env, compact.Container.Env); diff != "" {
		t.Errorf("environment, from which the step backup knows what 100 %% are (-pod +got):\n%s", diff)
	}
	if diff := cmp.Diff(pod.ContainerSet.VolumeMounts, compact.Container.VolumeMounts); diff != "" {
		t.Errorf("workspace (-pod +got):\n%s", diff)
	}
	if got := compact.Metadata.Annotations[common.AnnotationKeyProgress]; got != "0/100" {
		t.Errorf("progress %s, want percent", got)
	}
	one, other := pod.DeepCopy(), compact.DeepCopy()
	one.Name, one.Metadata, one.ContainerSet = other.Name, other.Metadata, nil
	other.Container = nil
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("the forms differ in more than their containers (-pod +compact):\n%s", diff)
	}
}
