// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// runDeadline is how long a run may take, whatever is broken, with the attempts and the
// backoff that submit asks for.
const runDeadline = 15 * time.Minute

// submit starts a run, as argo submit does.
func (w *World) submit(t testing.TB, form vocab.RunForm, backupType string, attempts int) string {
	t.Helper()
	var name string
	wait.Retry(t, "a run is submitted", func() (err error) {
		name, err = w.Kit.TrySubmitAs(t.Context(), form, "cluster=cluster", "repo=repo1", "type="+backupType, fmt.Sprintf("attempts=%d", attempts), "backoff="+stepBackoff.String())
		return err
	})
	return name
}

// awaitRun waits until a run is over. It returns nil if the run does not end, and how
// long Argo left it lying.
func (w *World) awaitRun(t testing.TB, name string) (*wfv1.Workflow, time.Duration) {
	t.Helper()
	var workflow *wfv1.Workflow
	var idle idleWatch
	began := time.Now()
	defer func() { wait.Note(t, "workflow over", time.Since(began)) }()
	done, _ := wait.Try(runDeadline, func() (bool, string) {
		var err error
		workflow, err = w.getRun(t, name)
		if apierrors.IsNotFound(err) {
			t.Fatalf("workflow %s is gone", name)
		}
		idle.look(t, w, workflow, time.Now())
		return err == nil && workflow.Status.Fulfilled(), ""
	})
	if !done {
		return nil, idle.longest
	}
	return workflow, idle.longest
}

// runOnce makes a run without a fault. It returns its name, and why it did not succeed.
func (w *World) runOnce(t testing.TB, form vocab.RunForm, backupType string) (name, trouble string) {
	t.Helper()
	name = w.submit(t, form, backupType, 6)
	workflow, _ := w.awaitRun(t, name)
	if workflow == nil || workflow.Status.Phase != wfv1.WorkflowSucceeded {
		return name, w.describeRun(t, name)
	}
	return name, ""
}

func (w *World) getRun(t testing.TB, name string) (*wfv1.Workflow, error) {
	t.Helper()
	var workflow wfv1.Workflow
	err := w.Kit.TryGet(t.Context(), name, &workflow)
	return &workflow, err
}

// describeRun prints what there is to see of a run, with the ends of its logs.
func (w *World) describeRun(t testing.TB, name string) string {
	t.Helper()
	workflow, err := w.getRun(t, name)
	if err != nil {
		return err.Error()
	}
	lines := []string{kit.DescribeRun(workflow)}
	var pods corev1.PodList
	if err := w.Kit.TryList(t.Context(), &pods, kit.PodsOfRun(name)); err != nil {
		return lines[0] + err.Error()
	}
	slices.SortFunc(pods.Items, func(a, b corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for _, pod := range pods.Items {
		for _, container := range pod.Spec.Containers {
			steps := kit.StepsOf(container)
			log, err := w.log(t, pod.Name, &corev1.PodLogOptions{Container: container.Name, TailLines: new(int64(12))})
			if err == nil && len(steps) > 0 {
				lines = append(lines, fmt.Sprintf("--- %s %s\n%s", pod.Name, strings.Join(steps, " "), log))
			}
		}
	}
	return strings.Join(lines, "\n")
}

func (w *World) log(t testing.TB, pod string, options *corev1.PodLogOptions) ([]byte, error) {
	t.Helper()
	return w.Kit.Core.CoreV1().Pods(w.Kit.Namespace).GetLogs(pod, options).DoRaw(t.Context())
}

// Tail is the end of a text, on one line.
func Tail(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 400 {
		text = "…" + text[len(text)-400:]
	}
	return text
}
