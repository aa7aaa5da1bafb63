//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// addRuns gives each schedule the runs that Argo keeps of it: Workflows that have proven a
// backup, with the copy of the template that Argo writes into their status.
func (f *fleet) addRuns(b *testing.B, o *operator, _ *result) bool {
	b.Helper()
	if *runs == 0 {
		return true
	}
	say("%d clusters: %d runs of each schedule", f.clusters, *runs)
	template, _, _ := unstructured.NestedMap(reconciletest.Template("").Object, "spec")
	began := time.Now().UTC().Add(-2 * time.Hour).Truncate(time.Second)
	perCluster := schedulesOfCluster * *runs
	f.parallel(b, "runs", loaders, f.clusters*perCluster, func(ctx context.Context, i int) error {
		n := i % perCluster
		backupType := []string{cpo.Full, cpo.Diff, cpo.Incr}[n/(*runs)]
		return f.addRun(ctx, i/perCluster, backupType, began.Add(time.Duration(n)*time.Minute), template)
	})
	_, alive := f.awaitQuiet(b, o, "runs")
	fmt.Printf("MEASURED %d clusters, %d runs of each schedule added: %s\n", f.clusters, *runs, o.memory())
	return alive
}

// addRun makes one Workflow as Argo leaves it. Its report names its UID, so that it is
// written after it.
func (f *fleet) addRun(ctx context.Context, i int, backupType string, at time.Time, template map[string]any) error {
	cron, end := cronName(i, backupType), at.Add(30*time.Second)
	run := object.New(object.Workflow)
	run.SetNamespace(namespaceOf(i))
	run.SetName(fmt.Sprintf("%s-%d", cron, at.Unix()))
	run.SetLabels(map[string]string{
		vocab.LabelCluster: clusterName(i), vocab.LabelRepo: "repo1", vocab.LabelType: backupType, vocab.LabelTrigger: vocab.TriggerSchedule,
		vocab.LabelResult: string(vocab.ShownRunning), object.LabelCronWorkflow: cron,
	})
	run.Object["spec"] = map[string]any{"workflowTemplateRef": map[string]any{"name": vocab.DefaultWorkflowTemplate}}
	if err := f.client.Create(ctx, run); err != nil {
		return err
	}
	text, err := proof(i, backupType, string(run.GetUID()), at, end).Encode()
	if err != nil {
		return err
	}
	outputs := map[string]any{"parameters": []any{map[string]any{"name": vocab.OutputReport, "value": string(text)}}}
	nodes := map[string]any{}
	for _, step := range []string{"", "begin", "precheck", "backup", "expire", "verify"} {
		id := run.GetName() + "-" + step
		nodes[id] = map[string]any{
			"id": id, "name": run.GetName() + "." + step, "displayName": step, "type": "Container", "phase": "Succeeded", "templateName": vocab.EntrypointBackup,
			"startedAt": at.Format(time.RFC3339), "finishedAt": end.Format(time.RFC3339), "outputs": outputs,
		}
	}
	run.Object["status"] = map[string]any{
		"phase": "Succeeded", "startedAt": at.Format(time.RFC3339), "finishedAt": end.Format(time.RFC3339),
		"outputs": outputs, "nodes": nodes, "storedWorkflowTemplateSpec": template,
	}
	return f.client.Update(ctx, run)
}

// proof is the report of a proven backup. The run is the UID of its Workflow.
func proof(i int, backupType, run string, at, end time.Time) report.Report {
	name := clusterName(i)
	return report.Report{
		Kind: vocab.RunBackup, Result: stanzaflowv1alpha1.RunSucceeded, Step: "verify", Run: run,
		Cluster: name, Repo: "repo1", Type: backupType, Trigger: vocab.TriggerSchedule,
		Backup: &report.Backup{
			Label: at.Format("20060102-150405") + "F", Type: backupType, Start: at, Stop: end, DatabaseBytes: 1 << 30, RepoDeltaBytes: 1 << 28,
			WALStart: "000000010000000000000002", WALStop: "000000010000000000000003", OldestInRepo: at, BackupsInRepo: 1, FullsInRepo: 1,
			Storage: cpo.StorageS3, Location: fmt.Sprintf("s3://%s-backups/%s/repo1", name, name), Cipher: "none", Verified: stanzaflowv1alpha1.VerifiedContents,
		},
		Retention: &report.Retention{},
	}
}
