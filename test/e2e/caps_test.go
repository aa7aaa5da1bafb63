// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// capsNamespace is where all clusters look for the slots.
const capsNamespace = "argo"

// testCaps has clusters of three namespaces share one slot. While something else holds it,
// runs of each form and priority queue up, and the Stanzas say where. Then no two of them
// work at once, fulls go first, and all are proven. One that is ended while it waits is red.
func testCaps(t *testing.T) {
	deleteCaps(t)
	t.Cleanup(func() { deleteCaps(t) })
	kits := make([]*kit.Kit, 3)
	for i := range kits {
		kits[i] = kit.New(t, fmt.Sprintf("e2e-caps-%d", i+1))
		kits[i].Apply(t, "caps", "e2e-caps", kits[i].Namespace)
	}
	awaitProgrammedAs(t, kits[0], metav1.ConditionFalse, "ConfigMap argo/pgbackrest-caps does not exist")
	createCaps(t, kits[0], "1")
	for _, k := range kits {
		awaitProgrammedAs(t, k, metav1.ConditionTrue, "")
	}
	kits[0].CreateAccounts(t)

	free := holdSlot(t, kits[0])
	first := func(k *kit.Kit, entrypoint, backupType string, priority int32) queued {
		return submitQueued(t, k, entrypoint, backupType, priority)
	}
	incr, other, full := first(kits[0], vocab.EntrypointBackup, "incr", 0), first(kits[1], vocab.EntrypointBackup, "incr", 0), first(kits[2], vocab.EntrypointBackupDAG, "full", 20)
	awaitWaitsFor(t, incr, "the slot of cap all (ConfigMap argo/pgbackrest-caps), position ")
	awaitWaitsFor(t, full, "the slot of cap all (ConfigMap argo/pgbackrest-caps), position 1 of ")
	// Behind another run of its cluster, it is in nobody's way.
	behind := first(kits[2], vocab.EntrypointPredeploy, "incr", 100)
	awaitWaitsForRun(t, behind, full)
	endWaiting(t, other)
	diff := first(kits[1], vocab.EntrypointBackup, "diff", 10)
	awaitWaitsFor(t, diff, "the slot of cap all (ConfigMap argo/pgbackrest-caps), position 2 of 3")

	free()
	all := []queued{full, diff, incr, behind}
	var spans []span
	for _, q := range all {
		workflow, _ := q.kit.AwaitSuccess(t, q.name)
		spans = append(spans, spanOf(t, q, workflow))
	}
	checkOneAtATime(t, spans)
	if full, diff := spans[0], spans[1]; !full.to.Before(diff.from.Add(time.Second)) {
		t.Errorf("the full worked from %s to %s, and the diff before it was over, from %s", full.from, full.to, diff.from)
	}
	if diff, incr := spans[1], spans[2]; !diff.to.Before(incr.from.Add(time.Second)) {
		t.Errorf("the diff worked from %s to %s, and the incr before it was over, from %s", diff.from, diff.to, incr.from)
	}
	for _, q := range all {
		wait.Until(t, time.Minute, "the Stanza of "+q.kit.Namespace+" waits for nothing", func() (bool, string) {
			last := q.kit.Stanza(t).Status.LastRun
			return last != nil && last.WaitsFor == "" && last.Result == stanzaflowv1alpha1.RunSucceeded, fmt.Sprintf("%+v", last)
		})
	}
	restoreToTheEnd(t, kits[0])
}

// queued is a run that waits for its turn.
type queued struct {
	kit  *kit.Kit
	name string
}

// submitQueued starts a run with the priority of its schedule.
func submitQueued(t *testing.T, k *kit.Kit, entrypoint, backupType string, priority int32) queued {
	t.Helper()
	workflow := &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "caps-" + backupType + "-", Namespace: k.Namespace},
		Spec: wfv1.WorkflowSpec{
			WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.DefaultWorkflowTemplate}, Entrypoint: entrypoint, Priority: &priority,
		},
	}
	for name, value := range map[string]string{vocab.ParamCluster: "cluster", vocab.ParamRepo: "repo1", vocab.ParamType: backupType, vocab.ParamMaxAge: "1s"} {
		workflow.Spec.Arguments.Parameters = append(workflow.Spec.Arguments.Parameters, wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)})
	}
	if err := k.Client.Create(t.Context(), workflow); err != nil {
		t.Fatal(err)
	}
	return queued{k, workflow.Name}
}

// holdSlot takes the only slot with a Workflow that waits for a person, and returns what
// gives it back.
func holdSlot(t *testing.T, k *kit.Kit) func() {
	t.Helper()
	// Argo's controller takes Workflows of templates only.
	template := &wfv1.WorkflowTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: "holder", Namespace: k.Namespace},
		Spec: wfv1.WorkflowSpec{Entrypoint: "hold", Templates: []wfv1.Template{{
			Name: "hold", Suspend: &wfv1.SuspendTemplate{},
			Synchronization: &wfv1.Synchronization{Semaphores: []*wfv1.SemaphoreRef{{
				Namespace:       capsNamespace,
				ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: vocab.CapsConfigMap}, Key: "all"},
			}}},
		}}},
	}
	holder := &wfv1.Workflow{
		ObjectMeta: template.ObjectMeta,
		Spec:       wfv1.WorkflowSpec{WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: template.Name}},
	}
	for _, object := range []client.Object{template, holder} {
		if err := k.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	wait.Until(t, time.Minute, "the slot is taken", func() (bool, string) {
		err := k.TryGet(t.Context(), holder.Name, holder)
		s := holder.Status.Synchronization
		return err == nil && s != nil && s.Semaphore != nil && len(s.Semaphore.Holding) > 0, fmt.Sprintf("%v %+v", err, holder.Status.Phase)
	})
	return func() { terminate(t, k, holder.Name) }
}

func terminate(t *testing.T, k *kit.Kit, name string) {
	t.Helper()
	workflow := &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: k.Namespace}}
	if err := k.Client.Patch(t.Context(), workflow, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"shutdown":"Terminate"}}`))); err != nil {
		t.Fatal(err)
	}
}

// endWaiting terminates a run that waits for a slot: it must not be green.
func endWaiting(t *testing.T, q queued) {
	t.Helper()
	terminate(t, q.kit, q.name)
	if workflow := q.kit.AwaitRun(t, q.name); workflow.Status.Phase != wfv1.WorkflowFailed {
		t.Errorf("run %s was ended while it waited, and is %s: %s", q.name, workflow.Status.Phase, kit.DescribeRun(workflow))
	}
	wait.Until(t, time.Minute, "the Stanza says that the run has failed", func() (bool, string) {
		last := q.kit.Stanza(t).Status.LastRun
		return last != nil && last.Workflow == q.name && last.Result == stanzaflowv1alpha1.RunFailed && last.WaitsFor == "", fmt.Sprintf("%+v", last)
	})
}

// awaitWaitsFor waits until the Stanza says what its run waits for.
func awaitWaitsFor(t *testing.T, q queued, begins string) {
	t.Helper()
	wait.Until(t, 3*time.Minute, "the Stanza says that "+q.name+" waits for "+begins, func() (bool, string) {
		last := q.kit.Stanza(t).Status.LastRun
		return last != nil && last.Workflow == q.name && last.Result == stanzaflowv1alpha1.RunRunning && strings.HasPrefix(last.WaitsFor, begins), fmt.Sprintf("%+v", last)
	})
}

// awaitWaitsForRun waits until a run waits for another of its cluster.
func awaitWaitsForRun(t *testing.T, q, other queued) {
	t.Helper()
	wait.Until(t, 3*time.Minute, q.name+" waits for "+other.name, func() (bool, string) {
		var workflow wfv1.Workflow
		err := q.kit.TryGet(t.Context(), q.name, &workflow)
		text := outcome.WaitsFor(&workflow)
		return err == nil && text == "run "+other.name, fmt.Sprintf("%v, waits for %q, %s", err, text, kit.DescribeRun(&workflow))
	})
}

// span is when the pods of a run worked that need a slot.
type span struct {
	name     string
	from, to time.Time
}

func spanOf(t *testing.T, q queued, workflow *wfv1.Workflow) span {
	t.Helper()
	s := span{name: q.kit.Namespace + "/" + workflow.Name}
	for _, node := range workflow.Status.Nodes {
		if node.Type != wfv1.NodeTypePod || node.TemplateName == "predeploy-reuse" {
			continue
		}
		if s.from.IsZero() || node.StartedAt.Time.Before(s.from) {
			s.from = node.StartedAt.Time
		}
		if node.FinishedAt.After(s.to) {
			s.to = node.FinishedAt.Time
		}
	}
	if s.from.IsZero() {
		t.Fatalf("run %s has no pod: %s", s.name, kit.DescribeRun(workflow))
	}
	t.Logf("%s worked from %s to %s", s.name, s.from.Format(time.TimeOnly), s.to.Format(time.TimeOnly))
	return s
}

// checkOneAtATime compares what Argo wrote down, which has no fractions of a second.
func checkOneAtATime(t *testing.T, spans []span) {
	t.Helper()
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	for i := 1; i < len(spans); i++ {
		if before, after := spans[i-1], spans[i]; after.from.Before(before.to) {
			t.Errorf("two runs worked at once: %s from %s to %s, %s from %s", before.name, before.from, before.to, after.name, after.from)
		}
	}
}

func awaitProgrammedAs(t *testing.T, k *kit.Kit, status metav1.ConditionStatus, says string) {
	t.Helper()
	wait.Until(t, 2*time.Minute, "Programmed of "+k.Namespace+" is "+string(status), func() (bool, string) {
		c := meta.FindStatusCondition(k.Stanza(t).Status.Conditions, string(vocab.ConditionProgrammed))
		return c != nil && c.Status == status && strings.Contains(c.Message, says), fmt.Sprintf("%+v", c)
	})
}

func capsConfigMap() *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: vocab.CapsConfigMap, Namespace: capsNamespace}}
}

func createCaps(t *testing.T, k *kit.Kit, slots string) {
	t.Helper()
	caps := capsConfigMap()
	caps.Data = map[string]string{"all": slots}
	if err := k.Client.Create(t.Context(), caps); err != nil {
		t.Fatal(err)
	}
}

// deleteCaps also works in a cleanup.
func deleteCaps(t *testing.T) {
	t.Helper()
	if err := kit.Connect(t, capsNamespace).Client.Delete(context.Background(), capsConfigMap()); client.IgnoreNotFound(err) != nil {
		t.Error(err)
	}
}
