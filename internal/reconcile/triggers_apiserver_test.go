//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestTriggers(t *testing.T) {
	s := startServer(t, argoCRDs(t, "full")...)
	for name, test := range map[string]func(*world){
		"make the first backup as soon as the primary is ready": testFirstBackup,
		"make the stanza alone if that is asked for":            testStanzaAlone,
		"see a change that came while nobody looked":            testChange,
		"see a failover": testFailover,
		"start one run for each cause, whenever the operator dies": testTriggerCrash,
		"start one run for each cause with two replicas":           testTwoReplicas,
		"wait while the Stanza suspends":                           testTriggerSuspended,
	} {
		t.Run(name, func(t *testing.T) { test(s.watchingWorld(t)) })
	}
}

// watchingWorld has the watches of triggers.
func (s *server) watchingWorld(t *testing.T) *world {
	t.Helper()
	return s.watchingWorldIn(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "db-"}})
}

func (s *server) watchingWorldIn(t *testing.T, namespace *corev1.Namespace) *world {
	t.Helper()
	w := s.worldIn(t, namespace)
	w.watching = true
	w.controller.watches = w.watches()
	return w
}

// createPrimary creates the pod of the primary, which is not ready.
func (w *world) createPrimary(name string) *corev1.Pod {
	w.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: cpo.DefaultLabels().Primary(reconciletest.Cluster)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerPostgreSQL, Image: "x"}}},
	}
	w.create(pod)
	return pod
}

// makeReady has the kubelet report that PostgreSQL is ready.
func (w *world) makeReady(pod *corev1.Pod) {
	w.Helper()
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: cpo.ContainerPostgreSQL, Ready: true}}
	if err := w.client.Status().Update(w.Context(), pod); err != nil {
		w.Fatal(err)
	}
}

// pass lets time pass, and then settles.
func (w *world) pass(d time.Duration) {
	w.Helper()
	w.clock.SetTime(w.clock.Now().Add(d))
	w.settle()
}

// started are the runs that triggers have started, by name.
func (w *world) started() []*unstructured.Unstructured {
	w.Helper()
	list, err := object.List(w.Context(), w.client, object.Workflow, w.namespace, object.Managed())
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// awaitRuns lets the operator see the pods, and waits until triggers have started so
// many runs.
func (w *world) awaitRuns(n int) []*unstructured.Unstructured {
	w.Helper()
	var runs []*unstructured.Unstructured
	eventually(w.T, func() error {
		w.settle()
		if runs = w.started(); len(runs) != n {
			return fmt.Errorf("there are %d runs, want %d: %s", len(runs), n, reconciletest.JSON(w.stanza().Status.Triggers))
		}
		return nil
	})
	return runs
}

// causes of all runs that were started.
func (w *world) causes() []string {
	w.Helper()
	var all []string
	for _, run := range w.started() {
		var causes []string
		if err := json.Unmarshal([]byte(run.GetAnnotations()[vocab.AnnotationCauses]), &causes); err != nil {
			w.Fatalf("Workflow %s: %v", run.GetName(), err)
		}
		all = append(all, causes...)
	}
	slices.Sort(all)
	return all
}

// awaitFired waits until no cause waits for its run any more.
func (w *world) awaitFired() {
	w.Helper()
	eventually(w.T, func() error {
		w.pass(time.Minute)
		if s := w.triggerStatus("release"); s.Pending != nil {
			return fmt.Errorf("causes wait: %s", reconciletest.JSON(s))
		}
		return nil
	})
}

func (w *world) triggerStatus(name string) stanzaflowv1alpha1.TriggerStatus {
	w.Helper()
	triggers := w.stanza().Status.Triggers
	i := slices.IndexFunc(triggers, func(s stanzaflowv1alpha1.TriggerStatus) bool { return s.Name == name })
	if i < 0 {
		w.Fatalf("status.triggers has no %s: %s", name, reconciletest.JSON(triggers))
	}
	return triggers[i]
}

// endRun has Argo end a run of repo1.
func (w *world) endRun(run *unstructured.Unstructured, backupType, phase string, result stanzaflowv1alpha1.RunResult) {
	w.Helper()
	reconciletest.SetRun(run, reconciletest.Run{
		Type: backupType, Phase: phase, Started: run.GetCreationTimestamp().Time, Result: result, Storage: cpo.StorageS3, Location: reconciletest.Location,
	})
	w.update(run)
	w.settle()
}

func testFirstBackup(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.pass(time.Minute)
	if runs := w.started(); len(runs) > 0 {
		w.Fatalf("started %s without a primary", runs[0].GetName())
	}
	eventually(w.T, func() error {
		w.settle()
		if s := w.triggerStatus("initial-repo1"); s.Pending == nil || !strings.Contains(s.Message, "no single pod") {
			return fmt.Errorf("the trigger is %s, want pending, and that no single pod has the role of the primary", reconciletest.JSON(s))
		}
		return nil
	})
	if c := w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet); !strings.Contains(c.Message, "primary") {
		w.Errorf("the message is %q", c.Message)
	}
	w.recorder.take()
	w.wantQuiet()

	pod := w.createPrimary("shop-0")
	w.pass(time.Minute)
	if runs := w.started(); len(runs) > 0 {
		w.Fatalf("started %s before the primary was ready", runs[0].GetName())
	}
	w.makeReady(pod)
	w.recorder.take()
	run := w.awaitRuns(1)[0]
	if notes := w.recorder.take(); !has(notes, "Normal Started: Started Workflow "+run.GetName()+": ") {
		w.Errorf("events are %q", notes)
	}
	wantSpec := map[string]any{"workflowTemplateRef": map[string]any{"name": vocab.DefaultWorkflowTemplate}}
	argument := func(name, value string) any { return map[string]any{"name": name, "value": value} }
	wantSpec["arguments"] = map[string]any{"parameters": []any{
		argument(vocab.ParamCluster, reconciletest.Cluster), argument(vocab.ParamRepo, "repo1"),
		argument(vocab.ParamType, cpo.Full), argument(vocab.ParamTrigger, vocab.TriggerInitial),
	}}
	spec := run.Object[object.FieldSpec].(map[string]any)
	delete(spec, "priority")
	wantSpec["entrypoint"] = vocab.EntrypointBackupDAG
	if diff := cmp.Diff(wantSpec, spec); diff != "" {
		w.Errorf("spec (-want +got):\n%s", diff)
	}
	wantLabels := map[string]string{
		vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelCluster: reconciletest.Cluster, vocab.LabelRepo: "repo1",
		vocab.LabelType: cpo.Full, vocab.LabelTrigger: vocab.TriggerInitial, vocab.LabelKind: string(vocab.RunBackup),
	}
	if !object.Contains(run.GetLabels(), wantLabels) {
		w.Errorf("labels are %v, want %v", run.GetLabels(), wantLabels)
	}
	if s := w.triggerStatus("initial-repo1"); s.Workflow != run.GetName() || s.Pending != nil {
		w.Errorf("the trigger is %s", reconciletest.JSON(s))
	}
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)

	w.endRun(run, cpo.Full, "Succeeded", stanzaflowv1alpha1.RunSucceeded)
	w.want(vocab.ConditionReady, "True", vocab.ReasonReady)
	if s := w.triggerStatus("initial-repo1"); s.Result != stanzaflowv1alpha1.TriggerResult(stanzaflowv1alpha1.RunSucceeded) {
		w.Errorf("the trigger is %s", reconciletest.JSON(s))
	}
	w.recorder.take()
	w.wantQuiet()
	w.delete(run)
	w.pass(time.Hour)
	if runs := w.started(); len(runs) != 0 {
		w.Errorf("%s was started after the first backup", runs[0].GetName())
	}
}

func testStanzaAlone(w *world) {
	w.create(&stanzaflowv1alpha1.Stanza{
		ObjectMeta: metav1.ObjectMeta{Name: reconciletest.Cluster}, Spec: stanzaflowv1alpha1.StanzaSpec{InitialBackup: new(false)},
	})
	w.makeReady(w.createPrimary("shop-0"))
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.pass(time.Minute)
	runs := w.awaitRuns(1)
	if entrypoint, _, _ := unstructured.NestedString(runs[0].Object, object.FieldSpec, "entrypoint"); entrypoint != vocab.EntrypointStanza {
		w.Errorf("the entrypoint is %q", entrypoint)
	}
	if kind := runs[0].GetLabels()[vocab.LabelKind]; kind != string(vocab.RunStanza) {
		w.Errorf("the kind is %q", kind)
	}
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
}

// shop is the Deployment of a shop.
func shop(image string) *appsv1.Deployment {
	labels := map[string]string{"app": "shop"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image}}},
			},
		},
	}
}

// triggered sets up a cluster with a proven first backup and a trigger.
func (w *world) triggered(trigger stanzaflowv1alpha1.Trigger) {
	w.Helper()
	w.create(&stanzaflowv1alpha1.Stanza{
		ObjectMeta: metav1.ObjectMeta{Name: reconciletest.Cluster},
		Spec:       stanzaflowv1alpha1.StanzaSpec{Triggers: []stanzaflowv1alpha1.Trigger{trigger}},
	})
	w.makeReady(w.createPrimary("shop-0"))
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.pass(time.Minute)
	run := w.awaitRuns(1)[0]
	w.endRun(run, cpo.Full, "Succeeded", stanzaflowv1alpha1.RunSucceeded)
	w.delete(run)
	w.settle()
	w.want(vocab.ConditionReady, "True", vocab.ReasonReady)
	w.recorder.take()
}

func ofTheShop() stanzaflowv1alpha1.Trigger {
	return stanzaflowv1alpha1.Trigger{
		Name: "release", Event: stanzaflowv1alpha1.OnChange, Type: cpo.Incr,
		Of:   &stanzaflowv1alpha1.TriggerObject{Kind: "Deployment", Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}},
		When: "old.spec.template.spec.containers[0].image != new.spec.template.spec.containers[0].image",
	}
}

// observed waits until the trigger has seen a generation of the Deployment.
func (w *world) observed(generation string) {
	w.Helper()
	eventually(w.T, func() error {
		w.settle()
		s := w.triggerStatus("release")
		if len(s.Observed) != 1 || s.Observed[0].Version != generation {
			return fmt.Errorf("the trigger has seen %s, want generation %s", reconciletest.JSON(s.Observed), generation)
		}
		return nil
	})
}

// edit changes the Deployment of the shop.
func (w *world) edit(change func(*appsv1.Deployment)) {
	w.Helper()
	web := &appsv1.Deployment{}
	if err := w.client.Get(w.Context(), w.key("web"), web); err != nil {
		w.Fatal(err)
	}
	change(web)
	w.update(web)
}

func setImage(image string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = image }
}

func testChange(w *world) {
	w.create(shop("shop:1"))
	w.triggered(ofTheShop())
	w.observed("1")
	w.edit(func(d *appsv1.Deployment) { d.Spec.Replicas = new(int32(3)) })
	w.observed("2")
	w.pass(time.Minute)
	if runs := w.started(); len(runs) != 0 {
		w.Fatalf("%s was started for a change that does not count", runs[0].GetName())
	}
	w.wantQuiet()

	// The operator is away.
	w.edit(setImage("shop:2"))
	w.restart()
	w.observed("3")
	w.pass(time.Minute)
	runs := w.awaitRuns(1)
	if labels := runs[0].GetLabels(); labels[vocab.LabelTrigger] != "release" || labels[vocab.LabelType] != cpo.Incr {
		w.Errorf("labels are %v", labels)
	}
	if causes := w.causes(); len(causes) != 1 || !strings.Contains(causes[0], "web") {
		w.Errorf("causes are %q", causes)
	}
	w.endRun(runs[0], cpo.Incr, "Succeeded", stanzaflowv1alpha1.RunSucceeded)
	w.delete(runs[0])
	w.pass(time.Hour)
	if runs := w.started(); len(runs) != 0 {
		w.Errorf("%s was started for the same change", runs[0].GetName())
	}
	w.recorder.take()
	w.wantQuiet()
}

func testFailover(w *world) {
	w.triggered(stanzaflowv1alpha1.Trigger{Name: "failover", Event: stanzaflowv1alpha1.OnFailover, Type: cpo.Incr})
	seen := func(pod string) func() error {
		return func() error {
			w.settle()
			if s := w.triggerStatus("failover"); len(s.Observed) != 1 || s.Observed[0].Version != pod {
				return fmt.Errorf("the trigger has seen %s, want %s", reconciletest.JSON(s.Observed), pod)
			}
			return nil
		}
	}
	eventually(w.T, seen("shop-0"))
	old := &corev1.Pod{}
	if err := w.client.Get(w.Context(), w.key("shop-0"), old); err != nil {
		w.Fatal(err)
	}
	w.patch(old, "patroni", `{"metadata": {"labels": {"`+cpo.LabelRole+`": "replica"}}}`)
	w.makeReady(w.createPrimary("shop-1"))
	eventually(w.T, seen("shop-1"))
	w.pass(time.Minute)
	w.awaitRuns(1)
	if causes := w.causes(); len(causes) != 1 || !strings.Contains(causes[0], "shop-1") {
		w.Errorf("causes are %q", causes)
	}
}

// testTriggerCrash has the operator die at each write around a change, with another
// change meanwhile. Each change is in exactly one run.
func testTriggerCrash(w *world) {
	for n := 1; ; n++ {
		w := w.watchingWorld(w.T)
		w.create(shop("shop:1"))
		w.triggered(ofTheShop())
		w.observed("1")
		w.edit(setImage("shop:2"))
		hit := w.dieAt(n)
		w.edit(setImage("shop:3"))
		w.observed("3")
		w.pass(time.Minute)
		w.awaitFired()
		causes := w.causes()
		if len(slices.Compact(slices.Clone(causes))) != len(causes) || !slices.ContainsFunc(causes, func(c string) bool { return strings.Contains(c, "3") }) {
			w.Errorf("died at write %d: causes are %q", n, causes)
		}
		if !hit {
			if n < 4 {
				w.Errorf("a change takes %d writes, want at least 3", n-1)
			}
			return
		}
	}
}

// dieAt has the operator make passes and die at its nth write, and reports whether it
// had so many. Then it starts again.
func (w *world) dieAt(n int) bool {
	w.Helper()
	crashed := w.crash(n)
	eventually(w.T, func() error {
		if _, err := w.controller.Reconcile(w.Context(), w.request()); err != nil {
			return nil //nolint:nilerr // it died
		}
		w.clock.SetTime(w.clock.Now().Add(2 * time.Second))
		if s := w.triggerStatus("release"); s.Workflow == "" {
			return fmt.Errorf("no run was started: %s", reconciletest.JSON(s))
		}
		return nil
	})
	hit := crashed()
	w.restart()
	return hit
}

// testTwoReplicas has two operators, each without a lease, decide at the same time.
func testTwoReplicas(w *world) {
	w.create(shop("shop:1"))
	w.triggered(ofTheShop())
	w.observed("1")
	other := w.newController(w.controller.client.(client.WithWatch))
	for i := range 5 {
		w.edit(setImage(fmt.Sprintf("shop:%d", i+2)))
		w.clock.SetTime(w.clock.Now().Add(time.Minute))
		for range 10 {
			var both sync.WaitGroup
			for _, c := range []*Controller{w.controller, other} {
				both.Go(func() { _, _ = c.Reconcile(w.Context(), w.request()) })
			}
			both.Wait()
			w.clock.SetTime(w.clock.Now().Add(5 * time.Second))
		}
		w.observed(fmt.Sprint(i + 2))
	}
	w.pass(time.Minute)
	w.awaitFired()
	causes := w.causes()
	if len(causes) == 0 || len(slices.Compact(slices.Clone(causes))) != len(causes) {
		w.Errorf("causes are %q", causes)
	}
}

func testTriggerSuspended(w *world) {
	w.create(shop("shop:1"))
	w.triggered(ofTheShop())
	w.observed("1")
	suspend := func(value bool) {
		w.patch(&stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: reconciletest.Cluster}}, "user", fmt.Sprintf(`{"spec": {"suspend": %t}}`, value))
	}
	suspend(true)
	w.edit(setImage("shop:2"))
	w.observed("2")
	w.pass(time.Hour)
	if runs := w.started(); len(runs) != 0 {
		w.Fatalf("%s was started while the Stanza suspends", runs[0].GetName())
	}
	if s := w.triggerStatus("release"); s.Pending == nil || !strings.Contains(s.Message, "suspend") {
		w.Errorf("the trigger is %s", reconciletest.JSON(s))
	}
	suspend(false)
	w.pass(time.Minute)
	w.awaitRuns(1)
}
