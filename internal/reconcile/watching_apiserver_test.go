//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/workflows"
)

const (
	watchInterval = 5 * time.Minute
	segment5      = "000000010000000000000005"
)

// TestWatch has an operator that watches its clusters, with the rights and the policies of
// the manifest.
func TestWatch(t *testing.T) {
	for _, variant := range []string{"minimal", "full"} {
		t.Run(variant, func(t *testing.T) {
			s := startServer(t, argoCRDs(t, variant)...)
			for name, test := range map[string]func(*world){
				"starts with the first cluster, and ends with the last": testWatchBegins,
				"leaves what is not ours":                               testWatchNotOwned,
				"puts its CronWorkflow right":                           testWatchRepairs,
				"is off":                                                testWatchOff,
				"says in the Stanza what it finds":                      testWatchFolds,
				"writes nothing for a fleet at rest":                    testWatchIdle,
				"is no backup":                                          testWatchIsNoBackup,
				"says why it does not start":                            testWatchTemplate,
			} {
				t.Run(name, func(t *testing.T) { test(s.watchedWorld(t)) })
			}
			t.Run("cannot become anything else", func(t *testing.T) { testWatchPolicy(t, s.watchedWorld(t)) })
		})
	}
}

func (s *server) watchedWorld(t *testing.T) *world {
	t.Helper()
	w := s.world(t)
	w.controller.options.WatchInterval = watchInterval
	return w
}

// watch does one pass over the namespace, and returns the number of its writes.
func (w *world) watch() int {
	w.Helper()
	before := len(w.written())
	if _, err := w.controller.watching.Reconcile(w.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Name: w.namespace}}); err != nil {
		w.Fatalf("cannot reconcile the namespace: %v", err)
	}
	return len(w.written()) - before
}

// watchTemplate is the WorkflowTemplate of workflows/.
func watchTemplate(namespace string) *unstructured.Unstructured {
	template := object.New(object.WorkflowTemplate)
	if err := yaml.Unmarshal(workflows.Watch, &template.Object); err != nil {
		panic(err)
	}
	template.SetNamespace(namespace)
	return template
}

// watchAccount is the ServiceAccount of its pods.
func watchAccount(namespace string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: vocab.WatchTemplate}}
}

// watches adds a watch that has ended and found something, and removes the one before, as
// Argo does.
func (w *world) watched(name string, at time.Time, samples map[string]report.Sample) {
	w.Helper()
	text, err := report.Watch{Start: at.Add(-time.Second), End: at, Clusters: samples}.Encode()
	if err != nil {
		w.Fatal(err)
	}
	workflow := object.New(object.Workflow)
	workflow.SetName(vocab.WatchTemplate + "-" + name)
	workflow.SetLabels(map[string]string{vocab.LabelCluster: "", vocab.LabelKind: string(vocab.RunWatch), vocab.LabelManagedBy: vocab.ManagedBy})
	workflow.Object["spec"] = map[string]any{"workflowTemplateRef": map[string]any{"name": vocab.WatchTemplate}}
	workflow.Object["status"] = map[string]any{
		"phase": "Succeeded", "startedAt": at.Add(-time.Second).UTC().Format(time.RFC3339), "finishedAt": at.UTC().Format(time.RFC3339),
		"outputs": map[string]any{"parameters": []any{map[string]any{"name": vocab.OutputReport, "value": string(text)}}},
	}
	before, err := object.List(w.Context(), w.client, object.Workflow, w.namespace, map[string]string{vocab.LabelKind: string(vocab.RunWatch)})
	if err != nil {
		w.Fatal(err)
	}
	for _, o := range before {
		w.delete(o)
	}
	w.create(workflow)
}

// answer is what a healthy cluster answers.
func answer(at time.Time, change ...func(*report.Sample)) report.Sample {
	archived := at.Add(-time.Minute).Truncate(time.Hour)
	s := report.Sample{
		Time: at,
		WAL: &report.WAL{
			Timeline: 1, LSN: "0/6000028", Snapshot: "700:700:", LastArchived: segment5, LastArchivedTime: &archived, Bytes: 64 << 20, SegmentBytes: 16 << 20,
		},
		Volume: &report.Volume{Size: 40 << 30, Free: 20 << 30},
		Repos:  map[string]report.RepoSample{"repo1": {Labels: []string{"20261122-023000F"}, Fulls: 1, Oldest: new(at.Add(-24 * time.Hour)), ArchiveMax: segment5}},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func testWatchBegins(w *world) {
	postgresql := reconciletest.Postgresql(w.T, w.namespace)
	if n := w.watch(); n != 0 {
		w.Errorf("a namespace without a cluster is written to: %q", w.written())
	}
	w.create(postgresql)
	w.watch()
	cronWorkflow := w.get(object.CronWorkflow, vocab.WatchTemplate)
	if len(cronWorkflow.GetOwnerReferences())+len(cronWorkflow.GetFinalizers()) > 0 {
		w.Errorf("%s has an owner or a finalizer", reconciletest.JSON(cronWorkflow))
	}
	if n := w.watch(); n != 0 {
		w.Errorf("another pass made %d writes", n)
	}

	second := reconciletest.Postgresql(w.T, w.namespace)
	reconciletest.Rename(second, "second")
	w.create(second)
	w.delete(postgresql)
	if n := w.watch(); n != 0 {
		w.Errorf("a pass while a cluster is left made %d writes", n)
	}
	w.wantUntouched(cronWorkflow)

	// The Stanza of the last one says that the operator makes no backups.
	w.delete(second)
	running := reconciletest.Workflow(w.namespace, reconciletest.Run{Name: "watching", Phase: "Running", CronWorkflow: cronWorkflow, Started: w.clock.Now()})
	running.SetLabels(map[string]string{vocab.LabelCluster: "", vocab.LabelKind: string(vocab.RunWatch)})
	w.create(running)
	w.watch()
	w.wantUntouched(cronWorkflow)
	w.delete(running)
	w.watch()
	if w.find(object.CronWorkflow, vocab.WatchTemplate) != nil {
		w.Error("the CronWorkflow of the watch has outlived its clusters")
	}
}

func testWatchNotOwned(w *world) {
	theirs := object.New(object.CronWorkflow)
	theirs.SetName(vocab.WatchTemplate)
	theirs.Object["spec"] = map[string]any{"schedules": []any{"@daily"}, "workflowSpec": map[string]any{"workflowTemplateRef": map[string]any{"name": "theirs"}}}
	w.create(theirs)
	w.create(watchTemplate(w.namespace))
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.watch()
	w.wantUntouched(theirs)
	w.settle()
	c := w.want(vocab.ConditionArchiving, "Unknown", vocab.ReasonNotObservedYet)
	if want := "CronWorkflow pgbackrest-watch in namespace " + w.namespace + " is not managed by stanzaflow, so no watch starts; remove or rename it"; !strings.Contains(c.Message, want) {
		w.Errorf("message is %q, want %q in it", c.Message, want)
	}
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.delete(theirs)
	w.watch()
	w.settle()
	if c := w.want(vocab.ConditionArchiving, "Unknown", vocab.ReasonNotObservedYet); strings.Contains(c.Message, "managed by") {
		w.Errorf("message is %q", c.Message)
	}
}

// testWatchRepairs: hands in the CronWorkflow, also where server-side apply does not reach.
func testWatchRepairs(w *world) {
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	w.watch()
	was := w.get(object.CronWorkflow, vocab.WatchTemplate)
	w.patch(was, "argo-ui", `{"spec": {"suspend": true, "workflowSpec": {"entrypoint": "other", "serviceAccountName": "default"}}}`)
	w.watch()
	if n := w.watch(); n != 0 {
		w.Errorf("another pass made %d writes", n)
	}
	is := w.get(object.CronWorkflow, vocab.WatchTemplate)
	spec, _, _ := unstructured.NestedMap(is.Object, "spec", "workflowSpec")
	if len(spec) != 1 || object.Suspended(is) {
		w.Errorf("it is %s", reconciletest.JSON(is.Object["spec"]))
	}
}

func testWatchOff(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.watch()
	w.settle()
	w.want(vocab.ConditionArchiving, "Unknown", vocab.ReasonNotObservedYet)
	w.controller.options.WatchInterval = 0
	w.watch()
	if w.find(object.CronWorkflow, vocab.WatchTemplate) != nil {
		w.Error("a watch that is off has a CronWorkflow")
	}
	w.settle()
	for _, c := range w.stanza().Status.Conditions {
		if c.Type == vocab.ConditionArchiving || c.Type == vocab.ConditionRecoverable {
			w.Errorf("a watch that is off has the condition %s", reconciletest.JSON(c))
		}
	}
}

func testWatchFolds(w *world) {
	w.create(watchTemplate(w.namespace))
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.watched("1", w.clock.Now(), map[string]report.Sample{reconciletest.Cluster: answer(w.clock.Now())})
	w.settle()
	w.want(vocab.ConditionArchiving, "True", vocab.ReasonArchiving)
	w.want(vocab.ConditionRecoverable, "True", vocab.ReasonRecoverable)
	status := w.stanza().Status
	if status.Archive == nil || status.Archive.LastArchivedWAL != segment5 || status.Recoverable == nil || status.Recoverable.Newest == nil || status.Repos[0].Backups != 1 {
		w.Errorf("the status is %s", reconciletest.JSON(status))
	}

	w.clock.SetTime(w.clock.Now().Add(watchInterval))
	failed := w.clock.Now().Add(-time.Minute)
	w.watched("2", w.clock.Now(), map[string]report.Sample{reconciletest.Cluster: answer(w.clock.Now(), func(s *report.Sample) {
		s.WAL.LastFailed, s.WAL.LastFailedTime, s.WAL.Waiting, s.WAL.LSN = "000000010000000000000006", &failed, 1, "0/7000100"
	})})
	// One write: the status.
	if n := w.reconcile(); n != 1 {
		w.Errorf("a failing archiver made %d writes, want 1", n)
	}
	w.want(vocab.ConditionArchiving, "False", vocab.ReasonArchivingFailed)
	w.settle()

	w.clock.SetTime(w.clock.Now().Add(archivingBlind))
	w.reconcile()
	w.want(vocab.ConditionArchiving, "Unknown", vocab.ReasonBlind)
	w.want(vocab.ConditionRecoverable, "Unknown", vocab.ReasonBlind)
	w.settle()
	w.wantNoEventsTwice()
}

// archivingBlind is how long no watch may report.
const archivingBlind = 3*watchInterval + time.Minute

// testWatchIdle: ten minutes at rest, with a report each minute that differs only in its
// time, and a restart of the operator.
func testWatchIdle(w *world) {
	w.create(watchTemplate(w.namespace))
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.watch()
	w.watched("0", w.clock.Now(), map[string]report.Sample{reconciletest.Cluster: answer(w.clock.Now())})
	w.settle()
	w.recorder.take()
	first := w.clock.Now()
	for minute := 1; minute <= 10; minute++ {
		if minute == 6 {
			w.controller = w.newController(w.controller.client.(client.WithWatch))
			w.controller.options.WatchInterval = watchInterval
		}
		w.clock.SetTime(first.Add(time.Duration(minute) * time.Minute))
		w.watched(fmt.Sprint(minute), w.clock.Now(), map[string]report.Sample{reconciletest.Cluster: answer(first, func(s *report.Sample) { s.Time = w.clock.Now() })})
		w.wantQuiet()
		if n := w.watch(); n != 0 {
			w.Errorf("a pass over the namespace made %d writes", n)
		}
	}
}

// testWatchIsNoBackup: neither a watch that works nor one that has ended is a run of a
// cluster, and nobody writes on it.
func testWatchIsNoBackup(w *world) {
	w.create(watchTemplate(w.namespace))
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	running := object.New(object.Workflow)
	running.SetName("pgbackrest-watch-running")
	running.SetLabels(map[string]string{vocab.LabelCluster: "", vocab.LabelKind: string(vocab.RunWatch)})
	running.Object["spec"] = map[string]any{"workflowTemplateRef": map[string]any{"name": vocab.WatchTemplate}}
	// Its pod has ended, and Argo has not noticed.
	old := w.clock.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	running.Object["status"] = map[string]any{"phase": "Running", "startedAt": old, "nodes": map[string]any{"x": map[string]any{
		"id": "x", "name": "x", "displayName": "x", "type": "Pod", "templateName": "watch", "phase": "Failed", "startedAt": old, "finishedAt": old, "taskResultSynced": false,
	}}}
	w.create(running)
	w.watched("1", w.clock.Now(), map[string]report.Sample{reconciletest.Cluster: answer(w.clock.Now())})
	w.create(again(running))
	w.settle()
	status := w.stanza().Status
	if status.LastRun != nil || status.LastBackup != nil || len(status.Schedules[0].Runs) > 0 {
		w.Errorf("a watch counts as a run: %s", reconciletest.JSON(status))
	}
	for _, write := range w.written() {
		if strings.Contains(write, "/workflows/") && strings.Contains(write, w.namespace) {
			w.Errorf("the operator wrote on a watch: %s", write)
		}
	}
}

// again is the same run once more: watched removes those before.
func again(first *unstructured.Unstructured) *unstructured.Unstructured {
	run := first.DeepCopy()
	run.SetName(first.GetName() + "-2")
	run.SetResourceVersion("")
	run.SetUID("")
	run.SetCreationTimestamp(metav1.Time{})
	return run
}

func testWatchTemplate(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	c := w.want(vocab.ConditionArchiving, "Unknown", vocab.ReasonNotObservedYet)
	if want := "no WorkflowTemplate pgbackrest-watch in namespace " + w.namespace + ", so no watch starts; install it with kubectl apply -k workflows/ -n " + w.namespace; !strings.Contains(c.Message, want) {
		w.Errorf("message is %q, want %q in it", c.Message, want)
	}
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	template := watchTemplate(w.namespace)
	template.SetLabels(map[string]string{vocab.LabelContract: "watch-v0"})
	w.create(template)
	w.settle()
	c = w.want(vocab.ConditionArchiving, "Unknown", vocab.ReasonNotObservedYet)
	if want := "has label stanzaflow.dev/template-contract=watch-v0, not watch-v1"; !strings.Contains(c.Message, want) {
		w.Errorf("message is %q, want %q in it", c.Message, want)
	}

	w.delete(template)
	w.create(watchTemplate(w.namespace))
	w.settle()
	c = w.want(vocab.ConditionArchiving, "Unknown", vocab.ReasonNotObservedYet)
	if want := "names ServiceAccount pgbackrest-watch, which does not exist in the namespace"; !strings.Contains(c.Message, want) {
		w.Errorf("message is %q, want %q in it", c.Message, want)
	}
	w.create(watchAccount(w.namespace))
	w.clock.SetTime(w.clock.Now().Add(askAccountMissing))
	w.settle()
	if c = w.want(vocab.ConditionArchiving, "Unknown", vocab.ReasonNotObservedYet); c.Message != "No watch has reported on the cluster yet" {
		w.Errorf("message is %q", c.Message)
	}

	// A fork that asks no cluster.
	fork := w.get(object.WorkflowTemplate, vocab.WatchTemplate)
	if err := unstructured.SetNestedField(fork.Object, "other", "spec", "entrypoint"); err != nil {
		w.Fatal(err)
	}
	w.update(fork)
	w.settle()
	c = w.want(vocab.ConditionArchiving, "Unknown", vocab.ReasonNotObservedYet)
	if want := "does not keep the contract watch-v1"; !strings.Contains(c.Message, want) {
		w.Errorf("message is %q, want %q in it", c.Message, want)
	}
}

// TestManagerWatches: everything that matters to a watch wakes the namespace or its
// clusters, also when Argo is installed later.
func TestManagerWatches(t *testing.T) {
	s := startServer(t)
	w := s.world(t)
	stop := w.startManagerWith(Options{Namespace: operatorNamespace, Provisioner: vocab.ProvisionedByUs, WatchInterval: watchInterval})
	postgresql, second := reconciletest.Postgresql(w.T, w.namespace), reconciletest.Postgresql(w.T, w.namespace)
	reconciletest.Rename(second, "second")
	w.create(postgresql)
	w.create(second)
	w.eventually(vocab.ConditionArchiving, vocab.ReasonNotObservedYet)
	for _, file := range argoCRDs(t, "minimal") {
		if err := w.client.Create(t.Context(), readCRD(t, file)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() error {
		return w.client.Get(t.Context(), w.key(vocab.WatchTemplate), object.New(object.CronWorkflow))
	})
	w.create(watchTemplate(w.namespace))
	w.create(reconciletest.Template(w.namespace))
	w.watched("1", w.clock.Now(), map[string]report.Sample{reconciletest.Cluster: answer(w.clock.Now()), "second": answer(w.clock.Now())})
	w.eventually(vocab.ConditionArchiving, vocab.ReasonArchiving)

	// A CronWorkflow that somebody takes from us is a finding in every Stanza.
	w.patch(w.get(object.CronWorkflow, vocab.WatchTemplate), "somebody", `{"metadata": {"labels": {"`+vocab.LabelManagedBy+`": null}}}`)
	eventually(t, func() error {
		if c := reconciletest.Condition(t, w.stanza().Status, vocab.ConditionArchiving); !strings.Contains(c.Message, "is not managed by stanzaflow") {
			return fmt.Errorf("the message is %q", c.Message)
		}
		return nil
	})
	w.patch(w.get(object.CronWorkflow, vocab.WatchTemplate), "somebody", `{"metadata": {"labels": {"`+vocab.LabelManagedBy+`": "`+vocab.ManagedBy+`"}}}`)

	// The last cluster that is watched: one is deleted, and of the other one the operator
	// makes no backups any more.
	w.delete(second)
	w.patch(w.stanza(), "user", `{"spec": {"managed": false}}`)
	w.gone(object.CronWorkflow, vocab.WatchTemplate)
	stop()
}

// testWatchPolicy: the operator's token makes the watch's CronWorkflow as it is planned,
// and no other.
func testWatchPolicy(t *testing.T, w *world) {
	plan := func() *unstructured.Unstructured {
		planned, err := object.Encode(new(archiving.CronWorkflow(w.namespace, watchInterval)))
		if err != nil {
			t.Fatal(err)
		}
		return planned
	}
	if err := w.tryToMake(plan()); err != nil {
		t.Errorf("the planned one: %v", err)
	}
	const (
		only   = "only the CronWorkflow pgbackrest-watch may refer to the WorkflowTemplate pgbackrest-watch, and to no other"
		bare   = "the CronWorkflow pgbackrest-watch only with a workflowTemplateRef, without arguments"
		labels = "the CronWorkflow pgbackrest-watch only with the labels"
		name   = "with a name like"
		fields = "only CronWorkflows with workflowTemplateRef, arguments, priority"
	)
	in := func(value any, names ...string) edit {
		return set(value, append([]string{object.FieldSpec, "workflowSpec"}, names...)...)
	}
	for title, test := range map[string]struct {
		edit edit
		want string
	}{
		"of another template":       {in("pgbackrest-backup", "workflowTemplateRef", "name"), only},
		"as a schedule":             {set("pgbackrest-shop-repo1-full", object.FieldMetadata, "name"), only},
		"of another name":           {set("pgbackrest-watch-2", object.FieldMetadata, "name").and(in("other", "workflowTemplateRef", "name")), name},
		"with arguments":            {in(part{"parameters": []any{part{"name": "cluster", "value": "x"}}}, "arguments"), bare},
		"with a priority":           {in(int64(5), "priority"), bare},
		"with steps of its own":     {in([]any{part{"name": "x"}}, "templates"), fields},
		"as another ServiceAccount": {in("pgbackrest-runner", "serviceAccountName"), fields},
		"of a cluster":              {set("shop", object.FieldMetadata, "labels", vocab.LabelCluster), labels},
		"as a backup":               {set("backup", object.FieldMetadata, "labels", vocab.LabelKind), labels},
	} {
		t.Run(title, func(t *testing.T) {
			planned := plan()
			test.edit.apply(t, planned.Object)
			wantRefused(t, w.tryToMake(planned), test.want)
		})
	}
	t.Run("a run of the watch", func(t *testing.T) {
		run := object.New(object.Workflow)
		run.SetNamespace(w.namespace)
		run.SetName("pgbackrest-watch-by-hand")
		run.SetLabels(object.Labels(""))
		run.Object["spec"] = map[string]any{"workflowTemplateRef": map[string]any{"name": vocab.WatchTemplate}}
		wantRefused(t, w.tryToMake(run), "and not to that of the watch")
	})
}
