// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// resourceFaults change what people write while a run goes on, or ask for what
// must hold a run.
var resourceFaults = []fault{
	{name: "template-deleted", what: "the WorkflowTemplate is deleted", moments: whileItRuns, lasting: true, human: true, inject: func(tr *trial) func() {
		kubectlSoon(tr.t, "delete", "workflowtemplate", "-n", tr.namespace, vocab.DefaultWorkflowTemplate, "--ignore-not-found")
		return tr.applyAgain
	}},
	{name: "template-changed", what: "the WorkflowTemplate gets another number of attempts", moments: whileItRuns, lasting: true, inject: func(tr *trial) func() {
		tr.patch("workflowtemplate", vocab.DefaultWorkflowTemplate, `[{"op":"replace","path":"/spec/arguments/parameters/4/value","value":"3"}]`)
		return tr.applyAgain
	}},
	{name: "template-invalid", what: "the WorkflowTemplate names an entrypoint that there is not", moments: whileItRuns, lasting: true, human: true, inject: func(tr *trial) func() {
		tr.patch("workflowtemplate", vocab.DefaultWorkflowTemplate, `[{"op":"replace","path":"/spec/entrypoint","value":"nothing"}]`)
		return tr.applyAgain
	}},
	{name: "cluster-edited", what: "an option of pgBackRest is changed in the postgresql resource", moments: anytime, inject: func(tr *trial) func() {
		tr.patch("postgresql", "cluster", fmt.Sprintf(`[{"op":"add","path":"/spec/backup/pgbackrest/global/archive-timeout","value":"%d"}]`, 60+tr.rng.IntN(60)))
		return nil
	}},
	{name: "schedule-broken", what: "the schedule in the postgresql resource becomes nonsense", moments: anytime, inject: func(tr *trial) func() {
		tr.patch("postgresql", "cluster", `[{"op":"replace","path":"/spec/backup/pgbackrest/repos/0/schedule/full","value":"whenever"}]`)
		return tr.applyAgain
	}},
	{name: "configmap-deleted", what: "the ConfigMap of pgBackRest is deleted", moments: anytime, inject: func(tr *trial) func() {
		kubectlSoon(tr.t, "delete", "configmap", "-n", tr.namespace, cpo.ConfigMapName("cluster"), "--ignore-not-found")
		return nil
	}},
	{name: "runner-without-rights", what: "the RoleBinding of the runner is deleted", moments: whileItRuns, lasting: true, human: true, inject: func(tr *trial) func() {
		kubectlSoon(tr.t, "delete", "rolebinding", "-n", tr.namespace, "pgbackrest-runner", "--ignore-not-found")
		return tr.applyAgain
	}},
	{name: "standby", what: "the cluster is a standby cluster", moments: []moment{beforeTheRun}, lasting: true, held: true, inject: func(tr *trial) func() {
		tr.patch("postgresql", "cluster", `[{"op":"add","path":"/spec/standby","value":{"standby_host":"elsewhere"}}]`)
		return func() { tr.patch("postgresql", "cluster", `[{"op":"remove","path":"/spec/standby"}]`) }
	}},
	{name: "scaled-to-zero", what: "numberOfInstances is 0, and there is no pod", moments: []moment{beforeTheRun}, lasting: true, held: true, inject: func(tr *trial) func() {
		tr.patch("postgresql", "cluster", `[{"op":"add","path":"/spec/numberOfInstances","value":0}]`)
		tr.scale(tr.t, "cluster", 0)
		return func() {
			tr.patch("postgresql", "cluster", `[{"op":"add","path":"/spec/numberOfInstances","value":1}]`)
			tr.scale(tr.t, "cluster", 1)
			tr.podReady(tr.t, primary)
		}
	}},
	{name: "upgrading", what: "the primary is being upgraded", moments: []moment{beforeTheRun}, lasting: true, held: true, inject: func(tr *trial) func() {
		kubectlSoon(tr.t, "label", "pod", "-n", tr.namespace, tr.primary, "--overwrite", "critical-operation=true")
		return func() { kubectlSoon(tr.t, "label", "pod", "-n", tr.namespace, tr.primary, "critical-operation-") }
	}},
	{name: "in-recovery", what: "the pod that claims to be the primary is in recovery", store: cpo.StorageS3, moments: []moment{beforeTheRun}, lasting: true, held: true, inject: func(tr *trial) func() {
		tr.label(tr.primary, roleReplica)
		tr.label(replica, cpo.RolePrimary)
		return func() {
			tr.label(replica, roleReplica)
			tr.label(tr.primary, cpo.RolePrimary)
		}
	}},
	{name: "gate-false", what: "the gate of the Stanza is false", moments: []moment{beforeTheRun}, lasting: true, held: true, inject: func(tr *trial) func() {
		tr.patchStanzaSoon(`{"spec":{"gate":"postgres.databaseBytes < 0"}}`)
		return func() { tr.patchStanzaSoon(`{"spec":{"gate":null}}`) }
	}},
}

func (tr *trial) patch(kind, name, patch string) {
	kubectlSoon(tr.t, "patch", kind, "-n", tr.namespace, name, "--type=json", "-p", patch)
}

func (tr *trial) patchStanzaSoon(patch string) {
	kubectlSoon(tr.t, "patch", "stanza", "-n", tr.namespace, "cluster", "--type=merge", "-p", patch)
}

// applyAgain is what a person does who finds something missing or changed.
func (tr *trial) applyAgain() {
	insist(tr.t, "the manifests are applied again", func() error { return tr.applyTry(tr.t.Context(), "fault/"+tr.storage) })
}
