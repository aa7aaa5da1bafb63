// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// otherLabels are those of a CPO that is configured to use others than its own.
var otherLabels = cpo.Labels{Cluster: map[string]string{"app": "postgres", "env": "prod"}, ClusterName: "cluster-name", Role: "spilo-role"}

// withOtherLabels labels the pods of a world with them, and has the operator declare
// them.
func withOtherLabels(w *runtest.World) {
	for i := range w.PodObjects {
		pod := &w.PodObjects[i]
		labels := otherLabels.Primary(runtest.Cluster)
		if pod.Labels[cpo.LabelMemberType] == cpo.MemberRepoHost {
			labels = otherLabels.RepoHost(runtest.Cluster)
		}
		pod.Labels = labels
	}
	w.StanzaObject.Status.Configuration.Labels = &stanzaflowv1alpha1.PodLabels{Cluster: otherLabels.Cluster, ClusterName: otherLabels.ClusterName, Role: otherLabels.Role}
}

// TestOtherLabels: a run finds the pods by the labels that the operator declares.
func TestOtherLabels(t *testing.T) {
	for name, world := range map[string]func(*testing.T) *runtest.World{"in a bucket": runtest.New, "on a repo host": runtest.NewWithRepoHost} {
		t.Run(name, func(t *testing.T) {
			p := newPod(makeWorld(t, world, withOtherLabels))
			p.mustRun(backupSteps...)
			if r := p.report(); r.Result != stanzaflowv1alpha1.RunSucceeded {
				t.Errorf("the run reports %+v", r)
			}
		})
	}
	t.Run("two primaries", func(t *testing.T) {
		w := makeWorld(t, nil, func(w *runtest.World) {
			w.PodObjects = append(w.PodObjects, runtest.Primary("orders-1"))
			withOtherLabels(w)
		})
		p := newPod(w)
		p.wantFailure(p.run("begin", "precheck"), ExitGaveUp, "precheck", stanzaflowv1alpha1.RunFailed, "only one may carry spilo-role=master")
	})
	t.Run("pods with the labels of CPO's defaults are others'", func(t *testing.T) {
		w := makeWorld(t, nil, func(w *runtest.World) {
			pods := w.PodObjects
			w.PodObjects = nil
			withOtherLabels(w)
			w.PodObjects = pods
		})
		p := newPod(w)
		p.wantFailure(p.run("begin", "precheck"), ExitGaveUp, "precheck", stanzaflowv1alpha1.RunFailed,
			"no pod of postgresql shop/orders has the labels app=postgres,cluster-name=orders,env=prod,spilo-role=master")
	})
	t.Run("a CronJob of CPO has the slot", func(t *testing.T) {
		p := newPod(makeWorld(t, nil, func(w *runtest.World) {
			w.BesideCPO()
			withOtherLabels(w)
			cronJob := runtest.CronJob(t, 1, cpo.Full)
			cronJob.Labels = otherLabels.BackupJobs(runtest.Cluster)
			w.CronJobObjects = append(w.CronJobObjects, *cronJob)
		}))
		p.wantFailure(p.run("begin", "precheck"), ExitStop, "precheck", stanzaflowv1alpha1.RunHeld, "belongs to CPO's CronJob")
	})
	t.Run("cancelled", func(t *testing.T) {
		p := newPod(makeWorld(t, nil, withOtherLabels))
		p.CancelledBy = "argo stop"
		if code := cancelledBackup(p, atPrimary); code == 0 || p.Running[atPrimary] != 0 {
			t.Errorf("exit code %d, the backup still takes %d signals", code, p.Running[atPrimary])
		}
		p.wantTold(vocab.EventBackupEnded)
	})
}
