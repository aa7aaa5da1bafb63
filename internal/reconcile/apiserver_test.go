//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func TestAPIServer(t *testing.T) {
	for _, variant := range []string{"minimal", "full"} {
		t.Run(variant, func(t *testing.T) {
			s := startServer(t, argoCRDs(t, variant)...)
			for name, test := range map[string]func(*world){
				"creates and is then silent":                  testCreates,
				"leaves argo its memory":                      testArgoMemory,
				"waits for the template":                      testTemplate,
				"keeps the last good schedule":                testKeepsLastGood,
				"drains a removed schedule":                   testDrainsSchedule,
				"drains a deleted cluster":                    testDrainsCluster,
				"leaves the config map when backups end":      testBackupRemoved,
				"has no right that it does not need":          testRights,
				"loses no backup to a late cache":             testLateCache,
				"keeps a stanza that somebody wrote in":       testKeepsStanza,
				"refuses what is not ours":                    testNotOwned,
				"refuses what turned up meanwhile":            testTurnedUp,
				"never writes to a spec of the user":          testUserStanza,
				"puts its own objects right":                  testRepairs,
				"suspends what it keeps":                      testSuspendsKept,
				"says what argo says":                         testVerdict,
				"reports how runs ended":                      testRuns,
				"reports to when a repo can be restored":      testRestorable,
				"says what holds and delays":                  testHeldAndDelayed,
				"touches a run that argo has not ended":       testTouches,
				"runs in the form that the stanza chooses":    testForms,
				"shows how a run is and has ended":            testShows,
				"shows a run that is resubmitted":             testShowsResubmitted,
				"is not stopped by a run that goes away":      testShowsDeleted,
				"writes no credential":                        testNoCredential,
				"converges after a crash between two writes":  testCrash,
				"converges after a crash during the teardown": testCrashTeardown,
			} {
				t.Run(name, func(t *testing.T) { test(s.world(t)) })
			}
		})
	}
}

func testCreates(w *world) {
	w.create(reconciletest.Template(w.namespace))
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	// Stanza, ConfigMap, two CronWorkflows, status.
	if n := w.reconcile(); n != 5 {
		w.Errorf("the first pass made %d writes, want 5", n)
	}
	notes := w.recorder.take()
	for _, name := range []string{reconciletest.Full, reconciletest.Incr} {
		o := w.get(object.CronWorkflow, name)
		if _, ok := o.Object["status"]; ok {
			w.Errorf("%s has a status that we sent", name)
		}
		if len(o.GetOwnerReferences())+len(o.GetFinalizers()) > 0 {
			w.Errorf("%s has an owner or a finalizer", name)
		}
	}
	if want := "Normal Created: Created ConfigMap " + reconciletest.ConfigMap + "; CronWorkflow " + reconciletest.Full + ", schedule 30 2 * * * UTC; CronWorkflow " + reconciletest.Incr + ", schedule "; !has(notes, want) {
		w.Errorf("no event %s… in %q", want, notes)
	}
	w.get(object.ConfigMap, reconciletest.ConfigMap)
	for range 3 {
		w.wantQuiet()
	}
	w.want(vocab.ConditionAccepted, "True", vocab.ReasonAccepted)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.want(vocab.ConditionBackupHealthy, "Unknown", vocab.ReasonNoBackupYet)
	w.want(vocab.ConditionReady, "Unknown", vocab.ReasonNoBackupYet)
	status := w.stanza().Status
	if status.Schedule != "full 30 2 * * *, incr */30 * * * *" || len(status.Schedules) != 2 || status.NextRunTime == nil {
		w.Errorf("status is %s", reconciletest.JSON(status))
	}
}

func testArgoMemory(w *world) {
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	full := w.get(object.CronWorkflow, reconciletest.Full)
	w.patch(full, argoManager, `{
		"metadata": {"annotations": {"cronworkflows.argoproj.io/last-used-schedule": "CRON_TZ=UTC 30 2 * * *"}},
		"status": {"active": [], "lastScheduledTime": "2026-11-22T02:30:00Z", "succeeded": 3, "failed": 1, "phase": "Active", "conditions": []}}`)
	status := w.get(object.CronWorkflow, reconciletest.Full).Object["status"]
	w.recorder.take()
	w.wantQuiet()

	reconciletest.SetSchedule(postgresql, cpo.Full, "45 3 * * *")
	w.update(postgresql)
	// The CronWorkflow and the status.
	if n := w.reconcile(); n != 2 {
		w.Errorf("the change made %d writes, want 2", n)
	}
	if notes := w.recorder.take(); !has(notes, "Updated CronWorkflow "+reconciletest.Full+", schedule 45 3 * * * UTC") {
		w.Errorf("events are %q", notes)
	}
	full = w.get(object.CronWorkflow, reconciletest.Full)
	if got := schedule.Text(full); got != "45 3 * * *" {
		w.Errorf("schedule is %s", got)
	}
	if got := full.Object["status"]; reconciletest.JSON(got) != reconciletest.JSON(status) {
		w.Errorf("status is %s, was %s", reconciletest.JSON(got), reconciletest.JSON(status))
	}
	if full.GetAnnotations()["cronworkflows.argoproj.io/last-used-schedule"] == "" {
		w.Error("Argo's annotation is gone")
	}
	w.wantQuiet()
}

func testTemplate(w *world) {
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	w.settle()
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonWorkflowTemplateMissing)
	if !strings.Contains(c.Message, "kubectl apply -k workflows/ -n "+w.namespace) || !strings.Contains(c.Message, vocab.DefaultWorkflowTemplate) {
		w.Errorf("message does not help: %s", c.Message)
	}
	w.want(vocab.ConditionReady, "False", vocab.ReasonWorkflowTemplateMissing)
	if w.find(object.CronWorkflow, reconciletest.Full) != nil {
		w.Error("a CronWorkflow without its template")
	}
	if notes := w.recorder.take(); !has(notes, "Normal "+string(vocab.ReasonWorkflowTemplateMissing)) {
		w.Errorf("events are %q", notes)
	}
	w.wantQuiet()

	template := reconciletest.Template(w.namespace)
	w.create(template)
	w.settle()
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	version := w.get(object.CronWorkflow, reconciletest.Full).GetAnnotations()[vocab.AnnotationTemplate]
	if version != fmt.Sprintf("%s.%d", template.GetUID(), template.GetGeneration()) {
		w.Errorf("annotation is %q", version)
	}

	w.patch(template, "user", `{"spec": {"activeDeadlineSeconds": 3600}}`)
	w.settle()
	if got := w.get(object.CronWorkflow, reconciletest.Full).GetAnnotations()[vocab.AnnotationTemplate]; got == version || got == "" {
		w.Errorf("annotation is %q, was %q", got, version)
	}

	w.patch(template, "user", `{"metadata": {"labels": {"`+vocab.LabelContract+`": "v9"}}}`)
	full := w.get(object.CronWorkflow, reconciletest.Full)
	w.settle()
	w.want(vocab.ConditionProgrammed, "False", vocab.ReasonWorkflowTemplateInvalid)
	if got := w.get(object.CronWorkflow, reconciletest.Full); got.GetResourceVersion() != full.GetResourceVersion() {
		w.Error("the CronWorkflow was not left alone")
	}
	w.patch(w.stanza(), "user", `{"spec": {"suspend": true}}`)
	w.settle()
	if !object.Suspended(w.get(object.CronWorkflow, reconciletest.Full)) {
		w.Error("not suspended while the template is not usable")
	}

	w.delete(template)
	w.settle()
	w.want(vocab.ConditionProgrammed, "False", vocab.ReasonWorkflowTemplateMissing)
	w.get(object.CronWorkflow, reconciletest.Full)
}

func testKeepsLastGood(w *world) {
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.recorder.take()
	full, configMap := w.get(object.CronWorkflow, reconciletest.Full), w.get(object.ConfigMap, reconciletest.ConfigMap)

	reconciletest.SetSchedule(postgresql, cpo.Full, "61 2 * * *")
	w.update(postgresql)
	w.settle()
	if got := w.get(object.CronWorkflow, reconciletest.Full); got.GetResourceVersion() != full.GetResourceVersion() {
		w.Errorf("the CronWorkflow was touched: %s", reconciletest.JSON(got))
	}
	c := w.want(vocab.ConditionAccepted, "False", vocab.ReasonInvalidSchedule)
	w.want(vocab.ConditionReady, "False", vocab.ReasonInvalidSchedule)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	for _, part := range []string{"Postgresql field spec.backup.pgbackrest.repos[0].schedule.full ", "CronWorkflow " + reconciletest.Full + " keeps its last good schedule 30 2 * * *"} {
		if !strings.Contains(c.Message, part) {
			w.Errorf("message %q does not say %q", c.Message, part)
		}
	}
	notes := w.recorder.take()
	for _, part := range []string{"Warning InvalidSchedule: Postgresql field spec.backup", "Warning KeptLastGood: CronWorkflow " + reconciletest.Full} {
		if !has(notes, part) {
			w.Errorf("events %q do not say %q", notes, part)
		}
	}
	if got := w.stanza().Status.Schedule; got != "full 30 2 * * *, incr */30 * * * *" {
		w.Errorf("schedule in force is %q", got)
	}
	w.wantQuiet()

	// Nothing of the whole section can be read.
	w.patch(postgresql, "user", `{"spec": {"backup": {"pgbackrest": {"repos": null, "global": {"repo1-path": "/elsewhere"}}}}}`)
	w.settle()
	for _, have := range []*unstructured.Unstructured{full, configMap} {
		if got := w.get(have.GroupVersionKind(), have.GetName()); got.GetResourceVersion() != have.GetResourceVersion() {
			w.Errorf("%s was touched", object.ID(have))
		}
	}
	w.recorder.take()
	w.wantQuiet()
}

func testDrainsSchedule(w *world) {
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	run := w.runOf(reconciletest.Full, cpo.Full)
	w.create(run)
	w.settle()
	w.recorder.take()

	reconciletest.SetSchedule(postgresql, cpo.Full, "")
	w.update(postgresql)
	w.settle()
	if !object.Suspended(w.get(object.CronWorkflow, reconciletest.Full)) {
		w.Error("the removed schedule is not suspended")
	}
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonDraining)
	if notes := w.recorder.take(); !has(notes, "Normal Draining: Suspended CronWorkflow "+reconciletest.Full) {
		w.Errorf("events are %q", notes)
	}
	w.wantQuiet()

	reconciletest.SetRun(run, reconciletest.Run{Type: cpo.Full, Phase: "Succeeded", Started: w.clock.Now(), Result: stanzaflowv1alpha1.RunSucceeded})
	w.update(run)
	w.settle()
	if w.find(object.CronWorkflow, reconciletest.Full) != nil {
		w.Error("the removed schedule is still there")
	}
	w.get(object.CronWorkflow, reconciletest.Incr)
	w.get(object.ConfigMap, reconciletest.ConfigMap)
	if notes := w.recorder.take(); !has(notes, "Normal Deleted: Deleted CronWorkflow "+reconciletest.Full) || !has(notes, "is proven") {
		w.Errorf("events are %q", notes)
	}
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)

	// A schedule that was due a moment ago may have a run that nobody sees yet.
	w.clock.SetTime(w.clock.Now().Truncate(time.Hour).Add(30*time.Minute + 10*time.Second))
	reconciletest.SetSchedule(postgresql, cpo.Incr, "")
	w.update(postgresql)
	w.settle()
	if !object.Suspended(w.get(object.CronWorkflow, reconciletest.Incr)) {
		w.Error("the removed schedule is not suspended")
	}
	w.clock.SetTime(w.clock.Now().Add(settle))
	w.settle()
	if w.find(object.CronWorkflow, reconciletest.Incr) != nil {
		w.Error("the removed schedule is still there")
	}
}

func testDrainsCluster(w *world) {
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	run := w.runOf(reconciletest.Full, cpo.Full)
	w.create(run)
	w.settle()
	configMap := w.get(object.ConfigMap, reconciletest.ConfigMap)

	w.delete(postgresql)
	w.settle()
	if !object.Suspended(w.get(object.CronWorkflow, reconciletest.Full)) {
		w.Error("not suspended")
	}
	if w.find(object.CronWorkflow, reconciletest.Incr) != nil {
		w.Error("the schedule without a run is still there")
	}
	w.wantUntouched(configMap)
	w.want(vocab.ConditionAccepted, "False", vocab.ReasonClusterNotFound)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonDraining)
	w.wantNoEventsTwice()

	reconciletest.SetRun(run, reconciletest.Run{Type: cpo.Full, Phase: "Failed", Started: w.clock.Now()})
	w.update(run)
	w.settle()
	for _, o := range []struct {
		kind schema.GroupVersionKind
		name string
	}{{object.CronWorkflow, reconciletest.Full}, {object.Stanza, reconciletest.Cluster}} {
		if w.find(o.kind, o.name) != nil {
			w.Errorf("%s %s is still there", o.kind.Kind, o.name)
		}
	}
	w.recorder.take()
	w.wantQuiet()
	w.wantUntouched(configMap)

	// The cluster comes back with another setting.
	postgresql = reconciletest.Postgresql(w.T, w.namespace)
	global, _, _ := unstructured.NestedFieldNoCopy(postgresql.Object, "spec", "backup", "pgbackrest", "global")
	global.(map[string]any)["repo1-retention-full"] = "9"
	w.create(postgresql)
	w.settle()
	adopted := w.get(object.ConfigMap, reconciletest.ConfigMap)
	if adopted.GetUID() != configMap.GetUID() || !strings.Contains(reconciletest.JSON(adopted.Object["data"]), "repo1-retention-full=9") {
		w.Errorf("the ConfigMap is not adopted: %s", reconciletest.JSON(adopted))
	}
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	if notes := w.recorder.take(); !has(notes, "Normal Updated: Updated ConfigMap "+reconciletest.ConfigMap) {
		w.Errorf("events are %q", notes)
	}
}

// testBackupRemoved: PostgreSQL runs on, and archives by the ConfigMap.
func testBackupRemoved(w *world) {
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	configMap := w.get(object.ConfigMap, reconciletest.ConfigMap)
	w.patch(postgresql, "user", `{"spec": {"backup": null}}`)
	w.settle()
	for _, name := range []string{reconciletest.Full, reconciletest.Incr} {
		if w.find(object.CronWorkflow, name) != nil {
			w.Errorf("%s is still there", name)
		}
	}
	w.want(vocab.ConditionAccepted, "True", vocab.ReasonAccepted)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	if notes := w.recorder.take(); has(notes, "Warning") || has(notes, reconciletest.ConfigMap+" stays") {
		w.Errorf("events are %q", notes)
	}
	w.wantQuiet()
	w.wantUntouched(configMap)
}

// testRights: what the operator does, all tests do with its rights.
func testRights(w *world) {
	for _, right := range []authorizationv1.ResourceAttributes{
		{Verb: "delete", Resource: "configmaps"},
		{Verb: "update", Resource: "configmaps"},
		{Verb: "delete", Resource: "persistentvolumeclaims"},
		{Verb: "deletecollection", Resource: "persistentvolumeclaims"},
		{Verb: "update", Resource: "persistentvolumeclaims"},
		{Verb: "patch", Resource: "persistentvolumes"},
		{Verb: "delete", Resource: "services"},
		{Verb: "delete", Resource: "statefulsets", Group: "apps"},
		{Verb: "update", Resource: "statefulsets", Group: "apps"},
		{Verb: "delete", Resource: "certificates", Group: "cert-manager.io"},
		{Verb: "get", Resource: "secrets"},
		{Verb: "list", Resource: "secrets"},
		{Verb: "watch", Resource: "secrets"},
		{Verb: "update", Resource: "secrets"},
		{Verb: "delete", Resource: "secrets"},
		{Verb: "get", Resource: "pods"},
		{Verb: "create", Resource: "pods"},
		{Verb: "delete", Resource: "pods"},
		{Verb: "get", Resource: "pods", Subresource: "log"},
		{Verb: "patch", Resource: "deployments", Group: "apps"},
		{Verb: "delete", Resource: "deployments", Group: "apps"},
		{Verb: "create", Resource: "pods", Subresource: "exec"},
		{Verb: "get", Resource: "events"},
		{Verb: "delete", Resource: "events", Group: "events.k8s.io"},
		{Verb: "patch", Resource: "stanzas", Group: "stanzaflow.dev"},
		{Verb: "update", Resource: "stanzas", Group: "stanzaflow.dev"},
		{Verb: "get", Resource: "stanzas", Subresource: "status", Group: "stanzaflow.dev"},
		{Verb: "patch", Resource: "stanzas", Subresource: "status", Group: "stanzaflow.dev"},
		{Verb: "update", Resource: "cronworkflows", Group: "argoproj.io"},
		{Verb: "delete", Resource: "workflows", Group: "argoproj.io"},
		{Verb: "update", Resource: "workflows", Group: "argoproj.io"},
		{Verb: "get", Resource: "workflowtaskresults", Group: "argoproj.io"},
		{Verb: "patch", Resource: "workflowtaskresults", Group: "argoproj.io"},
		{Verb: "patch", Resource: "workflowtemplates", Group: "argoproj.io"},
		{Verb: "patch", Resource: "postgresqls", Group: cpo.GroupVersionKind.Group},
	} {
		right.Namespace = w.namespace
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: operatorUser, Groups: []string{"system:authenticated"}, ResourceAttributes: &right,
		}}
		if err := w.client.Create(w.Context(), review); err != nil {
			w.Fatal(err)
		}
		if review.Status.Allowed {
			w.Errorf("the operator may %s %s/%s %s", right.Verb, right.Resource, right.Subresource, right.Group)
		}
	}
}

// testLateCache: the API server has a run that the cache does not hold yet.
func testLateCache(w *world) {
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	run := w.runOf(reconciletest.Full, cpo.Full)
	w.create(run)
	whole := w.controller.cached
	w.controller.cached = interceptor.NewClient(whole.(client.WithWatch), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if list.GetObjectKind().GroupVersionKind().Kind == "WorkflowList" {
				return nil
			}
			return c.List(ctx, list, options...)
		},
	})
	w.delete(postgresql)
	w.settle()
	if !object.Suspended(w.get(object.CronWorkflow, reconciletest.Full)) {
		w.Error("not suspended")
	}
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonDraining)
	w.controller.cached = whole
	w.delete(run)
	w.settle()
	if w.find(object.CronWorkflow, reconciletest.Full) != nil {
		w.Error("still there")
	}
}

func (w *world) wantNoEventsTwice() {
	w.Helper()
	w.recorder.take()
	w.wantQuiet()
}

func testKeepsStanza(w *world) {
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	configMap := w.get(object.ConfigMap, reconciletest.ConfigMap)
	// kubectl apply onto the Stanza that we made keeps our label.
	w.patch(w.stanza(), "user", `{"spec": {"timeZone": "Europe/Vienna"}}`)
	w.settle()
	if got := schedule.Zone(w.get(object.CronWorkflow, reconciletest.Full)); got != "Europe/Vienna" {
		w.Errorf("time zone is %q", got)
	}
	w.delete(postgresql)
	w.settle()
	if w.find(object.CronWorkflow, reconciletest.Full) != nil {
		w.Error("the CronWorkflow is still there")
	}
	w.wantUntouched(configMap)
	if got := w.stanza().Spec.TimeZone; got != "Europe/Vienna" {
		w.Errorf("time zone is %q", got)
	}
	w.want(vocab.ConditionAccepted, "False", vocab.ReasonClusterNotFound)
	w.want(vocab.ConditionReady, "False", vocab.ReasonClusterNotFound)
	w.wantNoEventsTwice()
}

func testNotOwned(w *world) {
	foreign := object.New(object.CronWorkflow)
	foreign.SetName(reconciletest.Full)
	foreign.Object["spec"] = map[string]any{
		"schedules":    []any{"0 0 1 1 *"},
		"workflowSpec": map[string]any{"workflowTemplateRef": map[string]any{"name": "theirs"}},
	}
	w.create(foreign)
	other := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: reconciletest.ConfigMap, Labels: map[string]string{
		vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelCluster: "another",
	}}}
	w.create(other)
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonNotOwned)
	for _, part := range []string{"CronWorkflow " + reconciletest.Full, "ConfigMap " + reconciletest.ConfigMap} {
		if !strings.Contains(c.Message, part) {
			w.Errorf("message %q does not name %s", c.Message, part)
		}
	}
	w.get(object.CronWorkflow, reconciletest.Incr)
	w.wantNoEventsTwice()
	w.delete(postgresql)
	w.settle()
	if got := w.get(object.CronWorkflow, reconciletest.Full); got.GetResourceVersion() != foreign.GetResourceVersion() {
		w.Error("the foreign CronWorkflow was touched")
	}
	if got := w.get(object.ConfigMap, reconciletest.ConfigMap); got.GetResourceVersion() != other.GetResourceVersion() {
		w.Error("the foreign ConfigMap was touched")
	}
}

// testTurnedUp: somebody is faster than we between the look and the write.
func testTurnedUp(w *world) {
	foreign := object.New(object.CronWorkflow)
	foreign.SetName(reconciletest.Full)
	foreign.Object["spec"] = map[string]any{
		"schedules":    []any{"0 0 1 1 *"},
		"workflowSpec": map[string]any{"workflowTemplateRef": map[string]any{"name": "theirs"}},
	}
	w.create(reconciletest.Template(w.namespace))
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	w.create(foreign)
	w.controller.live = interceptor.NewClient(w.controller.live.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			if key.Name == reconciletest.Full {
				return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
			}
			return c.Get(ctx, key, o, options...)
		},
	})
	w.reconcile()
	if got := w.get(object.CronWorkflow, reconciletest.Full); got.GetResourceVersion() != foreign.GetResourceVersion() {
		w.Errorf("the foreign CronWorkflow was taken: %s", reconciletest.JSON(got))
	}
}

func testUserStanza(w *world) {
	stanza := &stanzaflowv1alpha1.Stanza{
		ObjectMeta: metav1.ObjectMeta{Name: reconciletest.Cluster, Labels: map[string]string{"team": "dba"}},
		Spec:       stanzaflowv1alpha1.StanzaSpec{TimeZone: "Europe/Vienna", Suspend: true},
	}
	w.create(stanza)
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.want(vocab.ConditionSuspended, "True", vocab.ReasonSuspendedByUser)
	w.want(vocab.ConditionReady, "False", vocab.ReasonHeld)
	got := w.stanza()
	if got.Generation != 1 || !equality.Semantic.DeepEqual(got.Spec, stanza.Spec) || reconciletest.JSON(got.Labels) != reconciletest.JSON(stanza.Labels) {
		w.Errorf("the Stanza was changed: %s", reconciletest.JSON(got))
	}
	for _, entry := range got.ManagedFields {
		if entry.Manager == vocab.FieldManager && entry.Subresource != "status" {
			w.Errorf("we own fields outside of the status: %s", reconciletest.JSON(entry))
		}
	}
	if got.Status.NextRunTime != nil {
		w.Errorf("a next run at %v although suspended", got.Status.NextRunTime)
	}
	w.delete(postgresql)
	w.settle()
	if got := w.stanza(); !equality.Semantic.DeepEqual(got.Spec, stanza.Spec) {
		w.Errorf("the Stanza was changed: %s", reconciletest.JSON(got))
	}
	w.want(vocab.ConditionAccepted, "False", vocab.ReasonClusterNotFound)
}

// testRepairs: hands in our objects, also where server-side apply cannot reach.
func testRepairs(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	full, configMap := w.get(object.CronWorkflow, reconciletest.Full), w.get(object.ConfigMap, reconciletest.ConfigMap)
	w.patch(full, "argo-ui", `{"spec": {"suspend": true, "stopStrategy": {"expression": "true"}, "workflowSpec": {"entrypoint": "other", "onExit": "x"}}}`)
	w.patch(configMap, "kubectl", `{"data": {"extra.conf": "[global]"}, "metadata": {"labels": {"`+vocab.LabelPartOf+`": null, "team": "dba"}}}`)
	w.settle()
	full = w.get(object.CronWorkflow, reconciletest.Full)
	for _, field := range [][]string{{"spec", "stopStrategy"}, {"spec", "workflowSpec", "onExit"}} {
		if value, ok, _ := unstructured.NestedFieldNoCopy(full.Object, field...); ok {
			w.Errorf("%v is still %v", field, value)
		}
	}
	if object.Suspended(full) {
		w.Error("still suspended")
	}
	w.wantEntrypoint(reconciletest.Full, vocab.EntrypointBackupDAG)
	configMap = w.get(object.ConfigMap, reconciletest.ConfigMap)
	if data, _, _ := unstructured.NestedStringMap(configMap.Object, "data"); data["extra.conf"] != "" {
		w.Errorf("data is %v", data)
	}
	if labels := configMap.GetLabels(); labels["team"] != "dba" || labels[vocab.LabelPartOf] == "" {
		w.Errorf("labels are %v", labels)
	}
	w.wantNoEventsTwice()
}

func testSuspendsKept(w *world) {
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	reconciletest.SetSchedule(postgresql, cpo.Full, "nonsense")
	w.update(postgresql)
	for _, suspend := range []bool{true, false} {
		w.patch(w.stanza(), "user", fmt.Sprintf(`{"spec": {"suspend": %v}}`, suspend))
		w.settle()
		for _, name := range []string{reconciletest.Full, reconciletest.Incr} {
			if got := object.Suspended(w.get(object.CronWorkflow, name)); got != suspend {
				w.Errorf("suspend of %s is %v, want %v", name, got, suspend)
			}
		}
		w.wantNoEventsTwice()
	}
}

func testVerdict(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.recorder.take()
	w.patch(w.get(object.CronWorkflow, reconciletest.Full), argoManager, `{"status": {"active": null, "lastScheduledTime": null, "succeeded": 0, "failed": 0, "phase": "",
		"conditions": [{"type": "SpecError", "status": "True", "message": "templates.backup\nis missing "}]}}`)
	w.settle()
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonRejectedByArgo)
	if !strings.Contains(c.Message, reconciletest.Full+": templates.backup is missing") {
		w.Errorf("message is %q", c.Message)
	}
	if notes := w.recorder.take(); !has(notes, "Warning RejectedByArgo") {
		w.Errorf("events are %q", notes)
	}
	w.wantQuiet()
}

func testRuns(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.recorder.take()
	started := w.clock.Now()
	run := w.runOf(reconciletest.Full, cpo.Full)
	w.create(run)
	w.settle()
	if last := w.stanza().Status.LastRun; last == nil || last.Result != stanzaflowv1alpha1.RunRunning {
		w.Errorf("last run is %s", reconciletest.JSON(last))
	}
	if notes := w.recorder.take(); len(notes) > 0 {
		w.Errorf("events for a start: %q", notes)
	}
	reconciletest.SetRun(run, reconciletest.Run{Type: cpo.Full, Phase: "Succeeded", Started: started, Storage: cpo.StorageS3, Location: reconciletest.Location, Result: stanzaflowv1alpha1.RunSucceeded})
	w.update(run)
	w.settle()
	w.want(vocab.ConditionBackupHealthy, "True", vocab.ReasonSucceeded)
	known := w.stanza().Status
	if known.LastBackup == nil || known.LastRun == nil || known.LastRun.Result != stanzaflowv1alpha1.RunSucceeded {
		w.Errorf("status is %s", reconciletest.JSON(known))
	}
	if notes := w.recorder.take(); len(notes) != 4 || !has(notes, "Normal Succeeded: Backup "+known.LastBackup.Label+" is proven") ||
		!has(notes, "Normal Succeeded on the Stanza: BackupHealthy is True") || !has(notes, "Normal Ready: Ready is True") || !has(notes, "Normal Ready on the Stanza: Ready is True") {
		w.Errorf("events are %q", notes)
	}
	// Argo removes what is old; the status remembers.
	w.delete(run)
	w.wantQuiet()
	if got := w.stanza().Status; reconciletest.JSON(got) != reconciletest.JSON(known) {
		w.Errorf("status is %s, was %s", reconciletest.JSON(got), reconciletest.JSON(known))
	}
	failed := reconciletest.Workflow(w.namespace, reconciletest.Run{Name: reconciletest.Full + "-2", Type: cpo.Full, Phase: "Failed", Started: started.Add(24 * time.Hour), Result: stanzaflowv1alpha1.RunFailed})
	w.create(failed)
	w.settle()
	w.want(vocab.ConditionBackupHealthy, "False", vocab.ReasonLastRunFailed)
	if notes := w.recorder.take(); len(notes) != 2 || !has(notes, "Warning LastRunFailed: Workflow") || !has(notes, "Warning LastRunFailed on the Stanza: BackupHealthy is False") {
		w.Errorf("events are %q", notes)
	}
	w.wantQuiet()
}

// testHeldAndDelayed: the API server takes what the status says of schedules that
// cannot run now, and nothing is reported twice.
func testHeldAndDelayed(w *world) {
	postgresql := w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	started := w.clock.Now()
	run := w.runOf(reconciletest.Incr, cpo.Incr)
	run.Object["status"] = reconciletest.Waiting(w.namespace + "/" + reconciletest.Full + "-1/node")
	w.create(run)
	w.settle()
	if got, want := w.stanza().Status.Schedules[1].Delayed, "run "+reconciletest.Incr+"-1 waits for run "+reconciletest.Full+"-1"; !strings.HasPrefix(got, want) {
		w.Errorf("delayed is %q, want %q", got, want)
	}
	reconciletest.SetRun(run, reconciletest.Run{Type: cpo.Incr, Phase: "Succeeded", Started: started, Storage: cpo.StorageS3, Location: reconciletest.Location, Result: stanzaflowv1alpha1.RunSucceeded})
	w.patch(run, argoManager, reconciletest.JSON(part{"status": run.Object["status"]}))
	w.settle()
	if got := w.stanza().Status.Schedules[1]; got.Delayed != "" || got.LastBackup == nil || got.LastBackup.Verified != stanzaflowv1alpha1.VerifiedContents {
		w.Errorf("after the run the schedule is %s", reconciletest.JSON(got))
	}
	w.recorder.take()

	w.patch(postgresql, "user", `{"spec": {"standby": {"standby_host": "10.0.0.1"}}}`)
	w.settle()
	w.want(vocab.ConditionBackupHealthy, "False", vocab.ReasonHeld)
	for _, entry := range w.stanza().Status.Schedules {
		if !strings.Contains(entry.Held, "spec.standby is set") {
			w.Errorf("%s is held by %q", entry.CronWorkflow, entry.Held)
		}
	}
	if notes := w.recorder.take(); len(notes) != 2 || !has(notes, "Warning Held: No schedule can make a backup: spec.standby is set") || !has(notes, "Warning Held on the Stanza: BackupHealthy is False") {
		w.Errorf("events are %q", notes)
	}
	w.wantQuiet()
	w.patch(postgresql, "user", `{"spec": {"standby": null}}`)
	w.settle()
	if entry := w.stanza().Status.Schedules[0]; entry.Held != "" {
		w.Errorf("still held by %q", entry.Held)
	}
}

func testNoCredential(w *world) {
	const secret = "ThisIsTheKeyOfTheBucket"
	postgresql := reconciletest.Postgresql(w.T, w.namespace)
	global, _, _ := unstructured.NestedFieldNoCopy(postgresql.Object, "spec", "backup", "pgbackrest", "global")
	w.create(reconciletest.Template(w.namespace))
	global.(map[string]any)["repo1-s3-key"] = secret
	global.(map[string]any)["repo1-s3-key-secret"] = secret
	w.create(postgresql)
	w.settle()
	w.want(vocab.ConditionAccepted, "False", vocab.ReasonCredentialInGlobal)
	written := strings.Join(w.recorder.take(), "\n") + reconciletest.JSON(w.stanza())
	for _, kind := range []schema.GroupVersionKind{object.CronWorkflow, object.ConfigMap} {
		objects := object.NewList(kind)
		if err := w.client.List(w.Context(), objects, client.InNamespace(w.namespace)); err != nil {
			w.Fatal(err)
		}
		written += reconciletest.JSON(objects)
	}
	if !strings.Contains(written, reconciletest.ConfigMap) {
		w.Fatal("the ConfigMap was not looked at")
	}
	if strings.Contains(written, secret) {
		w.Errorf("the credential was written: %s", written)
	}
}
