// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testSlotTwice takes the API server away from Argo's controller right after a submit, and
// restarts the controller: it submits the same slot again. The slot has one run, and the
// run one backup.
func testSlotTwice(t *testing.T) {
	const policy = "testdata/outage/lost-writes.yaml"
	write := func() {
		program.Run(t, "", nil, "kubectl", "delete", "--ignore-not-found", "-f", policy)
	}
	write() // An earlier run may have been killed.
	t.Cleanup(write)
	k := startEveryMinute(t, "slot-twice")
	program.Kubectl(t, "apply", "-f", policy)
	run := awaitUnnotedRun(t, k)
	restartWorkflowController(t, k)
	awaitSubmittedAgain(t, k, run)
	write()

	k.AwaitSuccess(t, run.Name)
	wakeSchedule(t, k, run)
	k.AwaitIdle(t)
	checkOneBackupEach(t, k, run)
	restoreToTheEnd(t, k)
}

// awaitUnnotedRun waits for a run that is running, and whose slot Argo has not noted in
// the CronWorkflow.
func awaitUnnotedRun(t *testing.T, k *kit.Kit) *wfv1.Workflow {
	t.Helper()
	var run *wfv1.Workflow
	wait.Until(t, 3*time.Minute, "a run that Argo has not noted", func() (bool, string) {
		workflows := listScheduled(t, k)
		// Argo notes a slot at once, long before the pod of its run is running.
		noted := k.CronWorkflows(t)[0].Status.LastScheduledTime
		for i := range workflows {
			w := &workflows[i]
			hasPod := w.Status.Nodes.Any(func(n wfv1.NodeStatus) bool { return n.Type == wfv1.NodeTypePod && n.Phase == wfv1.NodeRunning })
			if hasPod && noted != nil && noted.Time.Before(slotOf(t, w)) {
				run = w
			}
		}
		return run != nil, fmt.Sprintf("last noted %s, %d runs", noted, len(workflows))
	})
	return run
}

// workflowController selects the pods of Argo's controller.
var workflowController = []client.ListOption{client.InNamespace("argo"), client.MatchingLabels{"app": "workflow-controller"}}

func restartWorkflowController(t *testing.T, k *kit.Kit) {
	t.Helper()
	var pods corev1.PodList
	if err := k.Client.List(t.Context(), &pods, workflowController...); err != nil || len(pods.Items) == 0 {
		t.Fatalf("there is no workflow controller: %v", err)
	}
	for i := range pods.Items {
		if err := k.Client.Delete(t.Context(), &pods.Items[i], client.GracePeriodSeconds(0)); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitSubmittedAgain waits until the new controller says that it starts the schedule. If
// that is later than the next slot, it may start that one.
func awaitSubmittedAgain(t *testing.T, k *kit.Kit, run *wfv1.Workflow) {
	t.Helper()
	wait.Until(t, 2*time.Minute, "Argo submits the slot again", func() (bool, string) {
		var pods corev1.PodList
		err := k.Client.List(t.Context(), &pods, workflowController...)
		for _, pod := range pods.Items {
			log, _ := k.Core.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
			for line := range strings.Lines(string(log)) {
				if strings.Contains(line, "Running "+run.Labels[labelCron]) && strings.Contains(line, "namespace="+k.Namespace) {
					return true, ""
				}
			}
		}
		return false, fmt.Sprintf("%v, %d controllers", err, len(pods.Items))
	})
	if late := time.Since(slotOf(t, run).Add(time.Minute)); late > 0 {
		t.Fatalf("the test is wrong: the controller came back %s after the next slot", late)
	}
}

// wakeSchedule changes the CronWorkflow after the next slot, and waits for the backup of
// that slot. Argo 3.7 takes the run that exists for one that it has just started, and does
// not look at the schedule again before it changes, or for 20 minutes.
func wakeSchedule(t *testing.T, k *kit.Kit, run *wfv1.Workflow) {
	t.Helper()
	next := slotOf(t, run).Add(time.Minute)
	wait.Until(t, 2*time.Minute, "the next slot has passed", func() (bool, string) { return time.Now().After(next), time.Until(next).String() })
	program.Kubectl(t, "annotate", "-n", k.Namespace, "cronworkflow", run.Labels[labelCron], "e2e.stanzaflow.dev/woken=once")
	awaitBackupSince(t, k, next)
}

// labelCron is on the runs of a schedule.
const labelCron = "workflows.argoproj.io/cron-workflow"

// checkOneBackupEach checks that no run is red, no slot has two runs, and no run two
// backups.
func checkOneBackupEach(t *testing.T, k *kit.Kit, run *wfv1.Workflow) {
	t.Helper()
	workflows := listScheduled(t, k)
	runs := map[time.Time]string{}
	for i := range workflows {
		w := &workflows[i]
		if w.Status.Phase != wfv1.WorkflowSucceeded {
			t.Errorf("workflow %s: %s", w.Name, kit.DescribeRun(w))
		}
		if other, twice := runs[slotOf(t, w)]; twice {
			t.Errorf("one slot has the runs %s and %s", other, w.Name)
		}
		runs[slotOf(t, w)] = w.Name
	}
	backups := k.Backups(t, kit.Primary)
	labels := map[string]string{}
	for _, b := range backups {
		uid := b.Annotation[vocab.BackupAnnotation]
		if other, twice := labels[uid]; twice || uid == "" {
			t.Errorf("workflow %q has the backups %s and %s", uid, other, b.Label)
		}
		labels[uid] = b.Label
	}
	if len(kit.OfRun(backups, run)) != 1 {
		t.Errorf("workflow %s, which was submitted twice, has no backup: %+v", run.Name, backups)
	}
	t.Logf("%s was submitted twice; %d runs, %d backups", run.Name, len(runs), len(backups))
}
