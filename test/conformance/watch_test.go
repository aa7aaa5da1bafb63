// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"slices"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/run/watch"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

func watchTemplate(t *testing.T) *wfv1.WorkflowTemplate {
	t.Helper()
	template := plainOf(t, vocab.WatchTemplate)
	return given.Typed[wfv1.WorkflowTemplate](t, template.Name(), template.Object)
}

// TestCronWorkflowOfTheWatch: what starts the watch needs nothing but the name of the
// template, also under a controller that is Strict.
func TestCronWorkflowOfTheWatch(t *testing.T) {
	t.Parallel()
	c := &wfv1.CronWorkflow{
		ObjectMeta: metav1.ObjectMeta{Name: vocab.WatchTemplate, Namespace: "shop"},
		Spec: wfv1.CronWorkflowSpec{
			Schedules: []string{"3-59/5 * * * *"}, Timezone: "UTC", ConcurrencyPolicy: wfv1.ForbidConcurrent,
			WorkflowSpec: wfv1.WorkflowSpec{WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.WatchTemplate}},
		},
	}
	if err := validate.ValidateCronWorkflow(t.Context(), namespace(t), noClusterTemplates, c, nil); err != nil {
		t.Error(err)
	}
	if err := util.ValidateUserOverrides(&c.Spec.WorkflowSpec); err != nil {
		t.Error(err)
	}
}

// TestWatchPodsThatAreReplaced: what the watch itself says is not tried again; the next
// watch comes soon. A pod that was lost is.
func TestWatchPodsThatAreReplaced(t *testing.T) {
	t.Parallel()
	strategy := watchTemplate(t).GetTemplateByName("watch").RetryStrategy
	for exitCode, again := range map[string]bool{"20": false, "30": false, "40": true, "1": true, "137": true, "143": true, "-1": true} {
		if got := triesAgain(t, strategy, exitCode, "main: Error"); got != again {
			t.Errorf("exit code %s: another pod %t, want %t", exitCode, got, again)
		}
	}
	if strategy.RetryPolicyActual() != wfv1.RetryPolicyAlways {
		t.Errorf("retryPolicy %s leaves out pods that are lost", strategy.RetryPolicyActual())
	}
	if watch.ExitStop != 20 || watch.ExitGaveUp != 30 {
		t.Error("the template knows other exit codes")
	}
}

// TestWatchIsSmall: it runs every few minutes in every namespace, and must not wait behind
// one that hangs.
func TestWatchIsSmall(t *testing.T) {
	t.Parallel()
	spec := watchTemplate(t).Spec
	template := spec.Templates[0]
	if template.Synchronization != nil || spec.Synchronization != nil {
		t.Error("the watch waits for a lock")
	}
	if limit := template.Container.Resources.Limits.Memory().Value(); limit != 64<<20 {
		t.Errorf("the memory limit is %d", limit)
	}
	if seconds := *spec.ActiveDeadlineSeconds; time.Duration(seconds)*time.Second <= 4*time.Minute {
		t.Errorf("activeDeadlineSeconds is %d, and the watch itself may take four minutes", seconds)
	}
	if spec.TTLStrategy == nil || *spec.TTLStrategy.SecondsAfterCompletion != 3600 {
		t.Errorf("ttlStrategy %+v", spec.TTLStrategy)
	}
}

// TestWatchIsRestricted checks the Pod Security Standard of that name.
func TestWatchIsRestricted(t *testing.T) {
	t.Parallel()
	spec := watchTemplate(t).Spec
	pod, container := spec.SecurityContext, spec.Templates[0].Container.SecurityContext
	if pod == nil || !*pod.RunAsNonRoot || *pod.RunAsUser == 0 || pod.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("pod with %+v", pod)
	}
	if container == nil || *container.AllowPrivilegeEscalation || !*container.ReadOnlyRootFilesystem || !slices.Equal(container.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("container with %+v", container)
	}
}
