// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// judge compares what was said of the run with the truth.
func (tr *Trial) judge(t *testing.T, f Fault, workflow *wfv1.Workflow, r *Result) {
	t.Helper()
	if workflow == nil {
		r.Wrong = append(r.Wrong, "the run never ended: "+tr.World.describeRun(t, tr.Workflow))
		return
	}
	stanza, reported, got := tr.awaitReport(t)
	green := workflow.Status.Phase == wfv1.WorkflowSucceeded
	if reported {
		r.Said, r.Message = string(stanza.Status.LastRun.Result), stanza.Status.LastRun.Message
	}
	saysGreen := reported && stanza.Status.LastRun.Result == stanzaflowv1alpha1.RunSucceeded
	r.Green = green && saysGreen
	if f.Held && r.Said != string(stanzaflowv1alpha1.RunHeld) {
		r.Wrong = append(r.Wrong, fmt.Sprintf("the Stanza says %q of a run that must be held: %s", r.Said, r.Message))
	}
	if green || saysGreen {
		tr.compare(t, tr.Workflow, r)
		return
	}
	if f.mustSurvive() {
		r.Wrong = append(r.Wrong, "the fault passed, and the run did not survive it")
	}
	if f.Cancels {
		r.Wrong = append(r.Wrong, tr.World.checkCancelled(t, workflow, r.Message)...)
	}
	healthy := (*metav1.Condition)(nil)
	if reported {
		healthy = meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionBackupHealthy)
	}
	if !reported || r.Message == "" || healthy == nil || healthy.Status == metav1.ConditionTrue {
		r.SilentMiss = true
		r.Wrong = append(r.Wrong, fmt.Sprintf("reported: %s, condition %+v", got, healthy))
	}
	t.Logf("not green: %s", tr.World.describeRun(t, tr.Workflow))
}

// awaitReport waits until the Stanza reports the run as its last one, and that it is
// over.
func (tr *Trial) awaitReport(t *testing.T) (stanza *stanzaflowv1alpha1.Stanza, reported bool, got string) {
	t.Helper()
	reported, got = wait.Try(2*time.Minute, func() (bool, string) {
		stanza = &stanzaflowv1alpha1.Stanza{}
		err := tr.World.Kit.TryGet(t.Context(), "cluster", stanza)
		last := stanza.Status.LastRun
		return err == nil && last != nil && last.Workflow == tr.Workflow && last.Result != stanzaflowv1alpha1.RunRunning, fmt.Sprintf("%v %+v", err, last)
	})
	return stanza, reported, got
}

// checkCancelled compares what a cancelled run says, in the message and in the event
// that it leaves, with the truth.
func (w *World) checkCancelled(t *testing.T, workflow *wfv1.Workflow, message string) []string {
	t.Helper()
	// A run that was stopped before precheck ended had no backup to report.
	if !w.succeeded(t, workflow, "precheck") {
		return nil
	}
	if vocab.FormAt(workflow.Spec.Entrypoint) != vocab.FormCompact && w.succeeded(t, workflow, "backup") {
		// Between two steps nobody can leave an event. In the form compact there is somebody.
		if listed := w.countBackups(t, workflow); listed == 0 || !strings.Contains(message, "pgbackrest info lists it") {
			return []string{fmt.Sprintf("step backup succeeded, %d backups of the run are listed, and the message is: %s", listed, message)}
		}
		return nil
	}
	if w.endedBefore(t, workflow) && strings.Contains(message, "pgbackrest info") &&
		(w.countBackups(t, workflow) > 0 || !w.mayHaveBegun(t, workflow)) {
		return nil
	}
	reason, got := w.awaitEnding(t, workflow)
	if reason == "" {
		if w.countBackups(t, workflow) == 0 && !w.mayHaveBegun(t, workflow) {
			return nil
		}
		return []string{"no event says what became of the backup: " + got}
	}
	if running := w.findProcesses(t, w.HostPod(), vocab.BackupAnnotation+"="+string(workflow.UID)); running != "" && reason != vocab.EventBackupNotEnded {
		return []string{"the event says " + reason + ", and the backup is still running"}
	}
	listed := w.countBackups(t, workflow)
	if listed > 0 != (reason == vocab.EventBackupNotVerified) && reason != vocab.EventBackupNotEnded {
		return []string{fmt.Sprintf("the event says %s, and %d backups of the run are listed", reason, listed)}
	}
	return nil
}

// endedBefore says whether the steps of the newest pod of a run had ended before SIGTERM
// came, so that nobody was left to leave an event. One that SIGTERM reaches ends with
// another code, and so does a container that waits for its turn.
func (w *World) endedBefore(t testing.TB, workflow *wfv1.Workflow) bool {
	t.Helper()
	var pods corev1.PodList
	if err := w.Kit.TryList(t.Context(), &pods, kit.PodsOfRun(workflow.Name)); err != nil || len(pods.Items) == 0 {
		return false
	}
	newest := slices.MaxFunc(pods.Items, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for _, c := range newest.Spec.Containers {
		if len(kit.StepsOf(c)) == 0 {
			continue
		}
		i := slices.IndexFunc(newest.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == c.Name })
		if i < 0 {
			return false
		}
		if ended := newest.Status.ContainerStatuses[i].State.Terminated; ended == nil || ended.ExitCode != 0 {
			return false
		}
	}
	return true
}

func (w *World) countBackups(t *testing.T, workflow *wfv1.Workflow) int {
	t.Helper()
	return len(kit.OfRun(w.Kit.Backups(t, w.Primary), workflow))
}

// awaitEnding returns the reason of the first event of the run that says what became of
// its backup. It returns nothing if there is no such event.
func (w *World) awaitEnding(t *testing.T, workflow *wfv1.Workflow) (reason, got string) {
	t.Helper()
	_, got = wait.Try(2*time.Minute, func() (bool, string) {
		var events corev1.EventList
		err := w.Kit.TryList(t.Context(), &events, client.MatchingFields{"involvedObject.uid": string(workflow.UID)})
		for _, e := range events.Items {
			if slices.Contains(vocab.EndingEvents, e.Reason) {
				reason = e.Reason
				return true, ""
			}
		}
		return false, fmt.Sprintf("%v, %d events", err, len(events.Items))
	})
	return reason, got
}

// mayHaveBegun says by the logs of the step whether a run has begun a backup. If it
// cannot read the log of each attempt, it may have.
func (w *World) mayHaveBegun(t testing.TB, workflow *wfv1.Workflow) bool {
	t.Helper()
	var pods corev1.PodList
	if err := w.Kit.TryList(t.Context(), &pods, kit.PodsOfRun(workflow.Name)); err != nil {
		return true
	}
	read := 0
	for _, pod := range pods.Items {
		for _, c := range pod.Spec.Containers {
			if !slices.Contains(kit.StepsOf(c), "backup") {
				continue
			}
			log, err := w.log(t, pod.Name, &corev1.PodLogOptions{Container: c.Name})
			if err != nil || bytes.Contains(log, []byte("pgbackrest backup")) || bytes.Contains(log, []byte("backup command begin")) {
				return true
			}
			read++
		}
	}
	return read < len(kit.StepNodes(workflow, "backup"))
}
