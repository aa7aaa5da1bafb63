// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// Stanza reads the Stanza of the cluster.
func (k *Kit) Stanza(t testing.TB) *stanzaflowv1alpha1.Stanza {
	t.Helper()
	var stanza stanzaflowv1alpha1.Stanza
	k.Get(t, "cluster", &stanza)
	return &stanza
}

// PatchStanza changes the Stanza with a merge patch.
func (k *Kit) PatchStanza(t testing.TB, patch string) {
	t.Helper()
	s := &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: "cluster", Namespace: k.Namespace}}
	if err := k.Client.Patch(t.Context(), s, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// PatchCluster changes the postgresql with a JSON patch.
func (k *Kit) PatchCluster(t testing.TB, patch string) {
	t.Helper()
	program.Kubectl(t, "patch", "-n", k.Namespace, "postgresql", "cluster", "--type=json", "-p", patch)
}

// AwaitBackupReported waits until the Stanza reports a backup as its last.
func (k *Kit) AwaitBackupReported(t testing.TB, label string) {
	t.Helper()
	wait.Until(t, time.Minute, "the Stanza has backup "+label, func() (bool, string) {
		last := k.Stanza(t).Status.LastBackup
		return last != nil && last.Label == label, fmt.Sprintf("%+v", last)
	})
}

// AwaitReportedAs waits until the Stanza reports the result of a run, and is not
// healthy for this reason.
func (k *Kit) AwaitReportedAs(t testing.TB, workflow string, result stanzaflowv1alpha1.RunResult, reason vocab.Reason) {
	t.Helper()
	wait.Until(t, time.Minute, fmt.Sprintf("the Stanza says %s of %s, reason %s", result, workflow, reason), func() (bool, string) {
		status := k.Stanza(t).Status
		healthy := meta.FindStatusCondition(status.Conditions, vocab.ConditionBackupHealthy)
		return status.LastRun != nil && status.LastRun.Workflow == workflow && status.LastRun.Result == result &&
			healthy != nil && healthy.Status != metav1.ConditionTrue && healthy.Reason == string(reason), fmt.Sprintf("%+v %+v", status.LastRun, healthy)
	})
}

// Suspend suspends all schedules, or resumes them, and waits until the CronWorkflows
// follow.
func (k *Kit) Suspend(t testing.TB, suspend bool) {
	t.Helper()
	k.PatchStanza(t, fmt.Sprintf(`{"spec":{"suspend":%v}}`, suspend))
	wait.Until(t, time.Minute, "the CronWorkflows follow the Stanza", func() (bool, string) {
		crons := k.CronWorkflows(t)
		return len(crons) > 0 && !slices.ContainsFunc(crons, func(c wfv1.CronWorkflow) bool { return c.Spec.Suspend != suspend }), DescribeCrons(crons)
	})
}

// CronWorkflows lists those of the clusters of the namespace. That of the watch belongs to
// no cluster, and stays when a Stanza is suspended or deleted.
func (k *Kit) CronWorkflows(t testing.TB) []wfv1.CronWorkflow {
	t.Helper()
	var list wfv1.CronWorkflowList
	k.List(t, &list)
	return slices.DeleteFunc(list.Items, func(c wfv1.CronWorkflow) bool { return c.Name == vocab.WatchTemplate })
}

// DescribeCrons prints one CronWorkflow a line.
func DescribeCrons(crons []wfv1.CronWorkflow) string {
	var lines []string
	for _, c := range crons {
		lines = append(lines, fmt.Sprintf("%s %v suspend=%v", c.Name, c.Spec.Schedules, c.Spec.Suspend))
	}
	return strings.Join(lines, "\n")
}

// AwaitScheduledRun waits until a run of a CronWorkflow has succeeded, and checks that
// nobody submitted it: it has the annotation and the label that only Argo's own
// schedule gives.
func (k *Kit) AwaitScheduledRun(t testing.TB, cron string) *wfv1.Workflow {
	t.Helper()
	return k.AwaitScheduledRunSince(t, cron, time.Time{})
}

// AwaitScheduledRunSince is AwaitScheduledRun for a run that was started after a moment.
func (k *Kit) AwaitScheduledRunSince(t testing.TB, cron string, since time.Time) *wfv1.Workflow {
	t.Helper()
	var first *wfv1.Workflow
	wait.Until(t, 6*time.Minute, "a run of "+cron+" succeeded", func() (bool, string) {
		var list wfv1.WorkflowList
		if err := k.TryList(t.Context(), &list, client.MatchingLabels{"workflows.argoproj.io/cron-workflow": cron}); err != nil {
			return false, err.Error()
		}
		var seen []string
		for i := range list.Items {
			w := &list.Items[i]
			seen = append(seen, w.Name+" "+DescribeRun(w))
			if w.Status.Phase == wfv1.WorkflowSucceeded && w.CreationTimestamp.After(since) {
				first = w
				return true, ""
			}
		}
		return false, strings.Join(seen, "\n")
	})
	if first.Annotations["workflows.argoproj.io/scheduled-time"] == "" || first.Labels[vocab.LabelTrigger] != vocab.TriggerSchedule {
		t.Errorf("the schedule did not start workflow %s: annotations %v, labels %v", first.Name, first.Annotations, first.Labels)
	}
	return first
}

// ConfigMap reads the pgBackRest configuration of the cluster.
func (k *Kit) ConfigMap(t testing.TB) *corev1.ConfigMap {
	t.Helper()
	var configMap corev1.ConfigMap
	k.Get(t, cpo.ConfigMapName("cluster"), &configMap)
	return &configMap
}

// DeleteCluster deletes the postgresql and waits until its schedules are gone. It
// checks that no backup goes with it.
func (k *Kit) DeleteCluster(t testing.TB) {
	t.Helper()
	before := Labels(k.Backups(t, Primary), "")
	program.Kubectl(t, "delete", "postgresql", "-n", k.Namespace, "cluster")
	wait.Until(t, 3*time.Minute, "the CronWorkflows are gone", func() (bool, string) {
		crons := k.CronWorkflows(t)
		return len(crons) == 0, DescribeCrons(crons)
	})
	wait.Until(t, time.Minute, "the operator has finished", func() (bool, string) {
		var stanza stanzaflowv1alpha1.Stanza
		err := k.TryGet(t.Context(), "cluster", &stanza)
		accepted := meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionAccepted)
		return apierrors.IsNotFound(err) || accepted != nil && accepted.Reason == string(vocab.ReasonClusterNotFound), fmt.Sprintf("%v %+v", err, stanza.Status.Conditions)
	})
	if diff := cmp.Diff(before, Labels(k.Backups(t, Primary), "")); diff != "" {
		t.Errorf("deleting the resource changed the backups (-before +after):\n%s", diff)
	}
}
