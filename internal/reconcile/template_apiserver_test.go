//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestTemplates: what would make a run fail is said before one is started.
func TestTemplates(t *testing.T) {
	s := startServer(t, argoCRDs(t, "full")...)
	for name, test := range map[string]func(*world){
		"a missing parameter": func(w *world) {
			testBrokenTemplate(w, "parameter limit is missing", func(spec map[string]any) {
				drop(spec, "limit", "arguments", "parameters")
			})
		},
		"a missing step": func(w *world) {
			testBrokenTemplate(w, "step precheck is missing below entrypoint stanza", func(spec map[string]any) {
				drop(templateNamed(spec, vocab.EntrypointStanza), stanzaPrecheck(spec), "containerSet", "containers")
			})
		},
		"a missing ServiceAccount":          testMissingAccount,
		"a ServiceAccount that is replaced": testLostAccount,
		"a ServiceAccount that only a run knows": func(w *world) {
			template := reconciletest.Template(w.namespace)
			setField(w, template, "{{workflow.parameters.cluster}}", "spec", "serviceAccountName")
			w.create(template)
			w.create(reconciletest.Postgresql(w.T, w.namespace))
			w.settle()
			w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
		},
		"no request at rest":             testTemplateAtRest,
		"a cap without slots":            testMissingCap,
		"a cap of another name":          testOtherCap,
		"a template of another release":  testOtherRelease,
		"an operator that is no release": testNoRelease,
	} {
		t.Run(name, func(t *testing.T) { test(s.watchingWorld(t)) })
	}
}

// testBrokenTemplate: a template that lacks something starts nothing, and a good one is
// in force at once; one that is broken later stops triggers, too.
func testBrokenTemplate(w *world, want string, breakIt func(spec map[string]any)) {
	w.makeReady(w.createPrimary("shop-0"))
	broken := reconciletest.Template(w.namespace)
	breakIt(broken.Object["spec"].(map[string]any))
	w.create(broken)
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	w.settle()
	w.wantInvalid(want)
	eventually(w.T, func() error {
		w.pass(time.Minute)
		if s := w.triggerStatus("initial-repo1"); s.Pending == nil || !strings.Contains(s.Message, "condition Programmed says why") {
			return fmt.Errorf("the trigger is %s, want pending, and a reference to Programmed", reconciletest.JSON(s))
		}
		return nil
	})
	if w.find(object.CronWorkflow, reconciletest.Full) != nil || len(w.started()) > 0 {
		w.Error("something starts runs of a template that cannot work")
	}
	w.recorder.take()
	w.wantQuiet()

	good := reconciletest.Template(w.namespace)
	good.SetResourceVersion(w.get(object.WorkflowTemplate, vocab.DefaultWorkflowTemplate).GetResourceVersion())
	w.update(good)
	w.awaitRuns(1)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.wantVersion(good)

	again := w.get(object.WorkflowTemplate, vocab.DefaultWorkflowTemplate)
	breakIt(again.Object["spec"].(map[string]any))
	w.update(again)
	w.settle()
	w.wantInvalid(want)
	w.wantVersion(good) // the last good one stays: Argo keeps it

	w.delete(again)
	w.settle()
	w.want(vocab.ConditionProgrammed, "False", vocab.ReasonWorkflowTemplateMissing)
	returned := reconciletest.Template(w.namespace)
	w.create(returned)
	w.settle()
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.wantVersion(returned)
}

func testMissingAccount(w *world) {
	w.delete(reconciletest.Account(w.namespace))
	w.create(reconciletest.Template(w.namespace))
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	w.settle()
	w.wantInvalid("names ServiceAccount pgbackrest-runner, which does not exist in the namespace")
	if w.find(object.CronWorkflow, reconciletest.Full) != nil {
		w.Error("a CronWorkflow whose pods could not start")
	}
	if result, err := w.controller.Reconcile(w.Context(), w.request()); err != nil || result.RequeueAfter == 0 || result.RequeueAfter > askAccountMissing+time.Second {
		w.Errorf("looks again after %s, %v; want %s", result.RequeueAfter, err, askAccountMissing)
	}
	w.create(reconciletest.Account(w.namespace))
	w.pass(askAccountMissing)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.get(object.CronWorkflow, reconciletest.Full)
}

func testLostAccount(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	full := w.get(object.CronWorkflow, reconciletest.Full)
	w.delete(reconciletest.Account(w.namespace))
	w.pass(askAccountFound)
	w.wantInvalid("names ServiceAccount pgbackrest-runner, which does not exist in the namespace")
	w.wantUntouched(full)

	// The template may name another one.
	w.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "backup-runner"}})
	template := w.get(object.WorkflowTemplate, vocab.DefaultWorkflowTemplate)
	setField(w, template, "backup-runner", "spec", "serviceAccountName")
	w.update(template)
	w.settle()
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.wantVersion(template)
}

// cappedTemplate takes a slot of a cap of the namespace.
func cappedTemplate(w *world, configMap, key string) *unstructured.Unstructured {
	template := reconciletest.Template(w.namespace)
	templateNamed(template.Object["spec"].(map[string]any), "predeploy-reuse")["synchronization"] = map[string]any{"semaphores": []any{
		map[string]any{"configMapKeyRef": map[string]any{"name": configMap, "key": key}},
	}}
	return template
}

// testMissingCap: Argo would fail every run, so nothing is started. The status shows nothing
// of what is in the ConfigMap.
func testMissingCap(w *world) {
	w.create(cappedTemplate(w, vocab.CapsConfigMap, "all"))
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	w.settle()
	w.wantInvalid("names a cap, and ConfigMap " + w.namespace + "/pgbackrest-caps does not exist, so that Argo would fail every run, or let it wait")
	if w.find(object.CronWorkflow, reconciletest.Full) != nil {
		w.Error("a CronWorkflow whose runs fail")
	}
	w.recorder.take()
	w.wantQuiet()
	caps := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: vocab.CapsConfigMap}, Data: map[string]string{"bucket": "3"}}
	w.create(caps)
	w.pass(askAccountMissing)
	w.wantInvalid("ConfigMap " + w.namespace + "/pgbackrest-caps has no key all")
	for _, slots := range []string{"0", "a secret"} {
		caps.Data["all"] = slots
		w.update(caps)
		w.pass(askAccountMissing)
		w.wantInvalid("ConfigMap " + w.namespace + "/pgbackrest-caps has no number of slots, 1 or more, in key all")
	}
	caps.Data["all"] = "1"
	w.update(caps)
	w.pass(askAccountMissing)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.get(object.CronWorkflow, reconciletest.Full)
	w.recorder.take()
	w.wantQuiet()
}

// testOtherCap: the operator looks into no ConfigMap but that of the caps.
func testOtherCap(w *world) {
	w.create(cappedTemplate(w, "settings-of-somebody", "all"))
	w.create(reconciletest.Postgresql(w.T, w.namespace))
	w.settle()
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonSkewUnknown)
	w.get(object.CronWorkflow, reconciletest.Full)
}

// testTemplateAtRest: in this world the cache is the API server, so that a pass asks for
// the template once. The whole of it would be a second time.
func testTemplateAtRest(w *world) {
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	asked := func() (templates, accounts int) {
		w.mu.Lock()
		w.asked = nil
		w.mu.Unlock()
		w.reconcile()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, request := range w.asked {
			if strings.Contains(request, "/workflowtemplates/") {
				templates++
			}
			if strings.Contains(request, "/serviceaccounts/") {
				accounts++
			}
		}
		return templates, accounts
	}
	if templates, accounts := asked(); templates != 1 || accounts != 0 {
		w.Errorf("a pass at rest asked %d times for the template and %d times for the ServiceAccount, want 1 and 0", templates, accounts)
	}
	w.clock.SetTime(w.clock.Now().Add(askAccountFound))
	if templates, accounts := asked(); templates != 1 || accounts != 1 {
		w.Errorf("a pass after %s asked %d times for the template and %d times for the ServiceAccount, want 1 and 1", askAccountFound, templates, accounts)
	}
	w.patch(w.get(object.WorkflowTemplate, vocab.DefaultWorkflowTemplate), "user", `{"spec": {"activeDeadlineSeconds": 3600}}`)
	if templates, _ := asked(); templates != 2 {
		w.Errorf("a pass after a change asked %d times for the template, want 2", templates)
	}
}

// testOtherRelease: an upgrade may take an hour, and then somebody is told, once and
// without an event. What is known costs no request.
func testOtherRelease(w *world) {
	w.controller.options.Version = "v0.2.0"
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.recorder.take()
	w.pass(releaseGrace - time.Minute)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.pass(time.Minute)
	c := w.want(vocab.ConditionProgrammed, "True", vocab.ReasonTemplateOutdated)
	if !strings.Contains(c.Message, "has image ghcr.io/stanzaflow/operator:v0.1.0, of an older release than the operator") {
		w.Errorf("the message is %q", c.Message)
	}
	for _, event := range w.recorder.take() {
		if strings.Contains(fmt.Sprint(event), string(vocab.ReasonTemplateOutdated)) {
			w.Errorf("an event about what works: %v", event)
		}
	}
	w.wantQuiet()

	template := w.get(object.WorkflowTemplate, vocab.DefaultWorkflowTemplate)
	text := strings.ReplaceAll(reconciletest.JSON(template.Object["spec"]), "operator:v0.1.0", "operator:v0.2.0")
	var spec map[string]any
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		w.Fatal(err)
	}
	template.Object["spec"] = spec
	w.update(template)
	w.settle()
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
}

// testNoRelease: a build by hand has no release, so nothing can be of another one.
func testNoRelease(w *world) {
	w.controller.options.Version = "dev"
	w.setUp(reconciletest.Postgresql(w.T, w.namespace))
	w.pass(2 * releaseGrace)
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
}

// TestArgoCDTracking: the operator may write what Argo CD needs, writes it once, and keeps
// what Argo has written.
func TestArgoCDTracking(t *testing.T) {
	w := startWorld(t)
	postgresql := reconciletest.Postgresql(t, w.namespace)
	object.Annotate(postgresql, vocab.AnnotationTracking, "shop:cpo.opensource.cybertec.at/postgresql:"+w.namespace+"/"+reconciletest.Cluster)
	w.setUp(postgresql)
	if got := w.get(object.CronWorkflow, reconciletest.Full).GetAnnotations()[vocab.AnnotationTracking]; got != "" {
		t.Errorf("without the flag Argo CD sees %q", got)
	}
	w.controller.options.ArgoCD = true
	w.settle()
	full := w.get(object.CronWorkflow, reconciletest.Full)
	if got, want := full.GetAnnotations()[vocab.AnnotationTracking], "shop:argoproj.io/CronWorkflow:"+w.namespace+"/"+reconciletest.Full; got != want {
		t.Errorf("Argo CD sees %q, want %q", got, want)
	}
	if len(full.GetOwnerReferences()) > 0 {
		t.Errorf("the garbage collector would end running backups: %v", full.GetOwnerReferences())
	}
	w.patch(full, argoManager, `{"metadata": {"annotations": {"cronworkflows.argoproj.io/last-used-schedule": "CRON_TZ=UTC 30 2 * * *"}}}`)
	w.recorder.take()
	w.wantQuiet()

	// The application of the cluster is another one now.
	object.Annotate(postgresql, vocab.AnnotationTracking, "databases:cpo.opensource.cybertec.at/postgresql:"+w.namespace+"/"+reconciletest.Cluster)
	w.update(postgresql)
	w.settle()
	full = w.get(object.CronWorkflow, reconciletest.Full)
	if got := full.GetAnnotations()[vocab.AnnotationTracking]; !strings.HasPrefix(got, "databases:") {
		t.Errorf("Argo CD sees %q", got)
	}
	if full.GetAnnotations()["cronworkflows.argoproj.io/last-used-schedule"] == "" {
		t.Error("Argo's annotation is gone")
	}

	// Switched off, the next change takes the annotations away.
	w.controller.options.ArgoCD = false
	w.settle()
	w.recorder.take()
	w.wantQuiet()
	w.patch(w.stanza(), "user", `{"spec": {"timeZone": "Europe/Vienna"}}`)
	w.settle()
	for _, annotation := range []string{vocab.AnnotationTracking, vocab.AnnotationCompareOptions, vocab.AnnotationSyncOptions} {
		if got := w.get(object.CronWorkflow, reconciletest.Full).GetAnnotations()[annotation]; got != "" {
			t.Errorf("annotation %s is still %q", annotation, got)
		}
	}
}

// wantInvalid fails the test unless Programmed names what is missing.
func (w *world) wantInvalid(what string) {
	w.Helper()
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonWorkflowTemplateInvalid)
	if !strings.Contains(c.Message, what) || !strings.Contains(c.Message, "WorkflowTemplate "+vocab.DefaultWorkflowTemplate+" in namespace "+w.namespace) {
		w.Errorf("the message is %q, want the template and %q", c.Message, what)
	}
}

// wantVersion fails the test unless Argo validates the CronWorkflow with this template.
func (w *world) wantVersion(template *unstructured.Unstructured) {
	w.Helper()
	want := fmt.Sprintf("%s.%d", template.GetUID(), template.GetGeneration())
	if got := w.get(object.CronWorkflow, reconciletest.Full).GetAnnotations()[vocab.AnnotationTemplate]; got != want {
		w.Errorf("annotation is %q, want %q", got, want)
	}
}

func setField(w *world, o *unstructured.Unstructured, value any, path ...string) {
	w.Helper()
	if err := unstructured.SetNestedField(o.Object, value, path...); err != nil {
		w.Fatal(err)
	}
}

// drop removes the element of a name from a list.
func drop(object map[string]any, name string, path ...string) {
	for _, field := range path[:len(path)-1] {
		object = object[field].(map[string]any)
	}
	last := path[len(path)-1]
	object[last] = slices.DeleteFunc(object[last].([]any), func(one any) bool { return one.(map[string]any)["name"] == name })
}

func templateNamed(spec map[string]any, name string) map[string]any {
	for _, template := range spec["templates"].([]any) {
		if template := template.(map[string]any); template["name"] == name {
			return template
		}
	}
	panic("no template " + name)
}

// stanzaPrecheck is the name of the container that runs precheck.
func stanzaPrecheck(spec map[string]any) string {
	for _, container := range templateNamed(spec, vocab.EntrypointStanza)["containerSet"].(map[string]any)["containers"].([]any) {
		if container := container.(map[string]any); strings.Contains(fmt.Sprint(container["command"]), "step precheck") {
			return container["name"].(string)
		}
	}
	panic("no step precheck")
}
