// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// resourceFaults change what people write during a run, or ask for what must hold a run.
var resourceFaults = []trial.Fault{
	{Name: "cluster-edited", What: "an option of pgBackRest is changed in the postgresql resource", Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		patch(t, tr, "postgresql", "cluster", fmt.Sprintf(`[{"op":"add","path":"/spec/backup/pgbackrest/global/archive-timeout","value":"%d"}]`, 60+tr.RNG.IntN(60)))
		return nil
	}},
	{Name: "schedule-broken", What: "the schedule in the postgresql resource becomes nonsense", Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		patch(t, tr, "postgresql", "cluster", `[{"op":"replace","path":"/spec/backup/pgbackrest/repos/0/schedule/full","value":"whenever"}]`)
		return func() { tr.World.ApplyAgain(t) }
	}},
	{Name: "configmap-deleted", What: "the ConfigMap of pgBackRest is deleted", Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		deleteObject(t, tr, "configmap", cpo.ConfigMapName("cluster"))
		return nil // The operator makes it again.
	}},
	{Name: "runner-without-rights", What: "the RoleBinding of the runner is deleted", Moments: trial.DuringRun, Lasting: true, Human: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		return deleteObject(t, tr, "rolebinding", "pgbackrest-runner")
	}},
	{Name: "standby", What: "the cluster is a standby cluster", Moments: moments(trial.BeforeRun), Lasting: true, Held: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		patch(t, tr, "postgresql", "cluster", `[{"op":"add","path":"/spec/standby","value":{"standby_host":"elsewhere"}}]`)
		return func() { patch(t, tr, "postgresql", "cluster", `[{"op":"remove","path":"/spec/standby"}]`) }
	}},
	{Name: "scaled-to-zero", What: "numberOfInstances is 0, and there is no pod", Moments: moments(trial.BeforeRun), Lasting: true, Held: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		patch(t, tr, "postgresql", "cluster", `[{"op":"add","path":"/spec/numberOfInstances","value":0}]`)
		tr.World.Scale(t, "cluster", 0)
		return func() {
			patch(t, tr, "postgresql", "cluster", `[{"op":"add","path":"/spec/numberOfInstances","value":1}]`)
			tr.World.Scale(t, "cluster", 1)
			tr.World.Kit.AwaitPod(t, kit.Primary)
		}
	}},
	{Name: "upgrading", What: "the primary is being upgraded", Moments: moments(trial.BeforeRun), Lasting: true, Held: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		kubectl(t, tr, "label", "pod", tr.World.Primary, "--overwrite", "critical-operation=true")
		return func() { kubectl(t, tr, "label", "pod", tr.World.Primary, "critical-operation-") }
	}},
	{Name: "in-recovery", What: "the pod that claims to be the primary is in recovery", Store: cpo.StorageS3, Moments: moments(trial.BeforeRun), Lasting: true, Held: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		setRole(t, tr, tr.World.Primary, roleReplica)
		setRole(t, tr, trial.Replica, cpo.RolePrimary)
		return func() {
			setRole(t, tr, trial.Replica, roleReplica)
			setRole(t, tr, tr.World.Primary, cpo.RolePrimary)
		}
	}},
	{Name: "gate-false", What: "the gate of the Stanza is false", Moments: moments(trial.BeforeRun), Lasting: true, Held: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		patchStanza(t, tr, `{"spec":{"gate":"postgres.databaseBytes < 0"}}`)
		return func() { patchStanza(t, tr, `{"spec":{"gate":null}}`) }
	}},
}

// deleteObject deletes an object of the namespace. A person repairs that by applying the
// manifests again.
func deleteObject(t *testing.T, tr *trial.Trial, kind, name string) (repair func()) {
	t.Helper()
	kubectl(t, tr, "delete", kind, name, "--ignore-not-found")
	return func() { tr.World.ApplyAgain(t) }
}

func patchStanza(t *testing.T, tr *trial.Trial, patch string) {
	t.Helper()
	kubectl(t, tr, "patch", "stanza", "cluster", "--type=merge", "-p", patch)
}
