// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"syscall"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// endFaults let the pod of a run end without a word: Argo waits for the result that it
// reports, a WorkflowTaskResult. The run must be over soon nevertheless.
var endFaults = []trial.Fault{
	{Name: "kill-wait-at-end", What: "Argo's own container of the run is killed when all steps are over", Moments: moments(trial.AfterSteps), Inject: func(t *testing.T, tr *trial.Trial) func() {
		killInRun(t, tr, "no container wait", trial.CommandWait)
		return nil
	}},
	{Name: "kill-wait-idle-argo", What: "Argo's own container of the run is killed, and Argo looks 10 s after each change, as by default", Moments: moments(trial.InPrecheck, trial.InBackup, trial.AfterSteps), Alone: true, Lasting: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		setRequeueTime(t, "10s")
		killInRun(t, tr, "no container wait", trial.CommandWait)
		return func() { setRequeueTime(t, "250ms") }
	}},
	{Name: "runner-without-rights-at-end", What: "the RoleBinding of the runner is deleted when all steps are over", Moments: moments(trial.AfterSteps), Lasting: true, Human: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		return deleteObject(t, tr, "rolebinding", "pgbackrest-runner")
	}},
	{Name: "lose-node", What: "the node of the run is gone: its processes die, and Kubernetes removes the pod", Moments: trial.UntilTheEnd, Alone: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		program.LocalCluster(t, "signal", "kubelet", "STOP")
		losePod(t, tr)
		return func() { program.LocalCluster(t, "signal", "kubelet", "CONT") }
	}},
	{Name: "lose-pod-unseen", What: "the pod of the run dies and is removed while Argo's workflow controller is away", Moments: trial.UntilTheEnd, Alone: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		// Between two steps of the form dag there is none, and without Argo none follows.
		tr.UntilHit(t, "no pod of the run", func() int { return len(podsOfRun(t, tr)) })
		repair := takeAway(t, "argo", "deployment/workflow-controller")
		losePod(t, tr)
		return repair
	}},
	{Name: "delete-result", What: "what the pod of the run has reported to Argo is deleted", Moments: trial.UntilTheEnd, Inject: func(t *testing.T, tr *trial.Trial) func() {
		kubectl(t, tr, "delete", "workflowtaskresults", "-l", kit.LabelWorkflow+"="+tr.Workflow, "--ignore-not-found")
		return nil
	}},
	{Name: "quota-on-results", What: "a quota refuses what the pod of the run reports to Argo", Moments: append(moments(trial.BeforeRun), trial.UntilTheEnd...), Inject: func(t *testing.T, tr *trial.Trial) func() {
		kubectl(t, tr, "create", "quota", "no-results", "--hard=count/workflowtaskresults.argoproj.io=0")
		return func() { kubectl(t, tr, "delete", "quota", "no-results", "--ignore-not-found") }
	}},
}

// losePod kills the pod of the run so that it says nothing more, and removes it.
func losePod(t *testing.T, tr *trial.Trial) {
	t.Helper()
	tr.UntilHit(t, "no pod of the run", func() int {
		// The pods of the run that can still report something.
		for _, pod := range podsOfRun(t, tr) {
			trial.SignalPod(pod, trial.CommandWait, syscall.SIGKILL)
			trial.SignalPod(pod, "", syscall.SIGKILL)
		}
		return tr.World.DeletePods(t, tr.World.Kit.Namespace, kit.PodsOfRun(tr.Workflow))
	})
}

// setRequeueTime sets how long Argo's workflow controller waits after each change.
func setRequeueTime(t *testing.T, interval string) {
	t.Helper()
	program.RetryKubectl(t, "-n", "argo", "set", "env", "deployment/workflow-controller", "DEFAULT_REQUEUE_TIME="+interval)
	program.RetryKubectl(t, "-n", "argo", "rollout", "status", "deployment/workflow-controller", "--timeout=2m")
}
