// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	workflowtemplates "github.com/stanzaflow/stanzaflow/workflows"
)

// fakeSource is an API server with some objects.
type fakeSource struct {
	objects map[string][]unstructured.Unstructured
	raw     map[string]string
	time    time.Time
	// denied are rights that somebody lacks.
	denied map[string]bool
	mayErr error
}

func (s *fakeSource) Get(_ context.Context, of schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	for i, o := range s.objects[of.Resource] {
		if o.GetNamespace() == namespace && o.GetName() == name {
			return &s.objects[of.Resource][i], nil
		}
	}
	return nil, apierrors.NewNotFound(of.GroupResource(), name)
}

func (s *fakeSource) List(_ context.Context, of schema.GroupVersionResource, namespace, selector string) ([]unstructured.Unstructured, error) {
	matches, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	var found []unstructured.Unstructured
	for _, o := range s.objects[of.Resource] {
		if (namespace == "" || o.GetNamespace() == namespace) && matches.Matches(labels.Set(o.GetLabels())) {
			found = append(found, o)
		}
	}
	return found, nil
}

func (s *fakeSource) Raw(_ context.Context, path string) ([]byte, time.Time, error) {
	text, ok := s.raw[path]
	if !ok {
		return nil, time.Time{}, apierrors.NewNotFound(schema.GroupResource{}, "")
	}
	return []byte(text), s.time, nil
}

func (s *fakeSource) May(_ context.Context, right Right) (bool, error) {
	return !s.denied[right.text()], s.mayErr
}

func (s *fakeSource) add(t *testing.T, resource, text string, args ...any) {
	t.Helper()
	var o unstructured.Unstructured
	if err := yaml.Unmarshal(fmt.Appendf(nil, text, args...), &o.Object); err != nil {
		t.Fatal(err)
	}
	s.objects[resource] = append(s.objects[resource], o)
}

const controller = `
kind: Pod
metadata: {name: workflow-controller-1, namespace: argo, labels: {app: workflow-controller}}
spec: {containers: [{name: c, image: "quay.io/argoproj/workflow-controller:%s", args: [%s]}]}
status: {conditions: [{type: Ready, status: "True"}]}`

// goodSource is a Kubernetes cluster in which everything is in place.
func goodSource(t *testing.T) *fakeSource {
	t.Helper()
	s := &fakeSource{objects: map[string][]unstructured.Unstructured{}, time: now, denied: map[string]bool{}, raw: map[string]string{
		"/version":                                 `{"gitVersion":"v1.36.3"}`,
		"/apis/stanzaflow.dev/v1alpha1":            `{"resources":[{"name":"stanzas"}]}`,
		"/apis/cpo.opensource.cybertec.at/v1":      `{"resources":[{"name":"postgresqls"}]}`,
		"/apis/argoproj.io/v1alpha1":               `{"resources":[{"name":"workflows"},{"name":"cronworkflows"},{"name":"workflowtemplates"}]}`,
		"/openapi/v3/apis/stanzaflow.dev/v1alpha1": `{"components":{"schemas":{}}}`,
	}}
	s.add(t, "deployments", `
kind: Deployment
metadata: {name: stanzaflow, namespace: stanzaflow-system, labels: {app.kubernetes.io/name: stanzaflow, app.kubernetes.io/component: manager}}
spec: {selector: {}, template: {spec: {serviceAccountName: stanzaflow, containers: [{name: manager, image: "stanzaflow:v1.0.0", args: [--leader-elect]}]}}}
status: {availableReplicas: 1}`)
	for _, name := range vocab.Policies(vocab.ProvisionedByUs) {
		s.add(t, "validatingadmissionpolicies", "kind: P\nmetadata: {name: %s, labels: {%s: %s}}", name, vocab.LabelPolicyContract, vocab.PolicyContract)
		s.add(t, "validatingadmissionpolicybindings", "kind: B\nmetadata: {name: %s}\nspec: {policyName: %s, validationActions: [Deny]}", name, name)
	}
	s.add(t, "pods", controller, "v3.7.18", "")
	s.add(t, "stanzas", "kind: Stanza\nmetadata: {name: orders, namespace: shop}")
	s.add(t, "workflowtemplates", "%s", ofRelease(workflowtemplates.Template))
	s.objects["workflowtemplates"][0].SetNamespace("shop")
	s.add(t, "workflowtemplates", "%s", ofRelease(workflowtemplates.Watch))
	s.objects["workflowtemplates"][1].SetNamespace("shop")
	for _, account := range []string{"pgbackrest-runner", "pgbackrest-watch"} {
		s.add(t, "serviceaccounts", "kind: ServiceAccount\nmetadata: {name: %s, namespace: shop}", account)
	}
	s.add(t, "cronworkflows", "kind: CronWorkflow\nmetadata: {name: pgbackrest-watch, namespace: shop}")
	s.add(t, "workflows", watchRun, "Succeeded", "2026-11-29T15:47:00Z")
	return s
}

// ofRelease gives a template the release of the operator.
func ofRelease(template []byte) string {
	return strings.ReplaceAll(string(template), "operator:v0.1.0", "operator:v1.0.0")
}

const watchRun = `
kind: Workflow
metadata: {name: pgbackrest-watch-1, namespace: shop, labels: {stanzaflow.dev/kind: watch, stanzaflow.dev/cluster: ""}}
status: {phase: %s, finishedAt: "%s"}`

// caps has the template take a slot, and the ConfigMap with some data.
func caps(data string) func(*testing.T, *fakeSource) {
	return func(t *testing.T, s *fakeSource) {
		t.Helper()
		const name = "    - name: predeploy-reuse\n"
		s.remove("workflowtemplates", "pgbackrest-backup")
		s.add(t, "workflowtemplates", "%s", strings.Replace(ofRelease(workflowtemplates.Template), name,
			name+"      synchronization: {semaphores: [{namespace: argo, configMapKeyRef: {name: pgbackrest-caps, key: all}}]}\n", 1))
		s.objects["workflowtemplates"][len(s.objects["workflowtemplates"])-1].SetNamespace("shop")
		if data != "" {
			s.add(t, "configmaps", "kind: ConfigMap\nmetadata: {name: pgbackrest-caps, namespace: argo}\ndata: %s", data)
		}
	}
}

func examine(t *testing.T, s *fakeSource, version string) []Check {
	t.Helper()
	return Examine(t.Context(), s, Question{Version: version, Now: func() time.Time { return now }})
}

// remove removes the objects of a kind with a name.
func (s *fakeSource) remove(resource, name string) {
	var kept []unstructured.Unstructured
	for _, o := range s.objects[resource] {
		if o.GetName() != name {
			kept = append(kept, o)
		}
	}
	s.objects[resource] = kept
}

func (s *fakeSource) set(t *testing.T, resource, name string, value any, fields ...string) {
	t.Helper()
	for i := range s.objects[resource] {
		if o := &s.objects[resource][i]; o.GetName() == name {
			if err := unstructured.SetNestedField(o.Object, value, fields...); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestExamine: each thing that can be wrong has its own finding, its verdict and its fix,
// and nothing else is wrong then.
func TestExamine(t *testing.T) {
	t.Parallel()
	settings := func(data string) func(*testing.T, *fakeSource) {
		return func(t *testing.T, s *fakeSource) {
			t.Helper()
			s.add(t, "configmaps", "kind: ConfigMap\nmetadata: {name: workflow-controller-configmap, namespace: argo}\ndata:\n%s", data)
		}
	}
	argo := func(image, arguments string) func(*testing.T, *fakeSource) {
		return func(t *testing.T, s *fakeSource) {
			t.Helper()
			s.objects["pods"] = nil
			s.add(t, "pods", controller, image, arguments)
		}
	}
	for name, tc := range map[string]struct {
		change  func(*testing.T, *fakeSource)
		verdict Verdict
		want    string
	}{
		"an old Kubernetes":     {func(_ *testing.T, s *fakeSource) { s.raw["/version"] = `{"gitVersion":"v1.29.9"}` }, Broken, "older than 1.30"},
		"no version":            {func(_ *testing.T, s *fakeSource) { s.raw["/version"] = `{}` }, NotKnown, "does not say its version"},
		"a clock that is late":  {func(_ *testing.T, s *fakeSource) { s.time = now.Add(-31 * time.Second) }, Warning, "differ by 31s"},
		"a clock that is early": {func(_ *testing.T, s *fakeSource) { s.time = now.Add(time.Hour) }, Warning, "differ by 1h0m0s"},
		"no clock":              {func(_ *testing.T, s *fakeSource) { s.time = time.Time{} }, NotKnown, "what time it is"},
		"no CRD of CPO":         {func(_ *testing.T, s *fakeSource) { delete(s.raw, "/apis/cpo.opensource.cybertec.at/v1") }, Broken, "does not serve postgresqls"},
		"no Argo":               {func(_ *testing.T, s *fakeSource) { s.raw["/apis/argoproj.io/v1alpha1"] = `{}` }, Broken, "does not serve cronworkflows, workflows, workflowtemplates"},
		"no operator":           {func(_ *testing.T, s *fakeSource) { s.objects["deployments"] = nil }, Broken, "nothing makes schedules"},
		"an operator that is down": {func(t *testing.T, s *fakeSource) {
			s.set(t, "deployments", "stanzaflow", int64(0), "status", "availableReplicas")
		}, Broken, "no pod that is ready"},
		"a policy of another contract": {func(t *testing.T, s *fakeSource) {
			s.set(t, "validatingadmissionpolicies", "stanzaflow-exec", map[string]any{vocab.LabelPolicyContract: "v1"}, "metadata", "labels")
		}, Broken, "stanzaflow-exec (v1)"},
		"a policy that is missing":  {func(_ *testing.T, s *fakeSource) { s.remove("validatingadmissionpolicies", "stanzaflow-exec") }, Warning, "not in force"},
		"a binding that is missing": {func(_ *testing.T, s *fakeSource) { s.remove("validatingadmissionpolicybindings", "stanzaflow-exec") }, Warning, "stanzaflow-exec (no binding denies)"},
		"a binding that only warns": {func(t *testing.T, s *fakeSource) {
			s.set(t, "validatingadmissionpolicybindings", "stanzaflow-exec", []any{"Warn"}, "spec", "validationActions")
		}, Warning, "stanzaflow-exec (no binding denies)"},
		"a template of an older release": {func(t *testing.T, s *fakeSource) {
			s.objects["workflowtemplates"] = s.objects["workflowtemplates"][1:]
			s.add(t, "workflowtemplates", "%s", workflowtemplates.Template)
			s.objects["workflowtemplates"][1].SetNamespace("shop")
		}, Warning, "image ghcr.io/stanzaflow/operator:v0.1.0 is of an older release than the operator, v1.0.0"},
		"an operator of an older release": {func(t *testing.T, s *fakeSource) {
			s.set(t, "deployments", "stanzaflow", []any{map[string]any{"name": "manager", "image": "stanzaflow:v0.9.0"}}, "spec", "template", "spec", "containers")
			s.objects["workflowtemplates"] = s.objects["workflowtemplates"][:1]
			s.add(t, "workflowtemplates", "%s", strings.ReplaceAll(string(workflowtemplates.Watch), "operator:v0.1.0", "operator:v0.9.0"))
			s.objects["workflowtemplates"][1].SetNamespace("shop")
		}, Warning, "image ghcr.io/stanzaflow/operator:v1.0.0 is of a newer release than the operator, v0.9.0"},
		"a right of the operator": {func(_ *testing.T, s *fakeSource) { s.denied["patch cronworkflows.argoproj.io"] = true }, Broken, "stanzaflow-system:stanzaflow may not patch cronworkflows.argoproj.io"},
		"no controller":           {func(_ *testing.T, s *fakeSource) { s.objects["pods"] = nil }, Broken, "no schedule fires"},
		"a controller not ready": {func(t *testing.T, s *fakeSource) {
			s.set(t, "pods", "workflow-controller-1", []any{}, "status", "conditions")
		}, Broken, "is not ready"},
		"an old Argo":              {argo("v3.7.14", ""), Broken, "v3.7.14 forgets"},
		"an old Argo 4":            {argo("v4.0.5", ""), Broken, "v4.0.5 forgets"},
		"a new Argo":               {argo("v5.0.0", ""), NotKnown, "newer than what we test"},
		"a digest":                 {argo("@sha256:00", ""), NotKnown, "does not say its release"},
		"a namespaced Argo":        {argo("v3.7.18", "--namespaced, --managed-namespace, shop"), Warning, "outside of namespace shop"},
		"instanceID":               {settings("  instanceID: ours"), Broken, "instanceID is set"},
		"everything in one key":    {settings("  config: |\n    instanceID: ours"), Broken, "instanceID is set"},
		"Secure":                   {settings("  workflowRestrictions: |\n    templateReferencing: Secure"), Warning, "Secure"},
		"offload":                  {settings("  persistence: |\n    nodeStatusOffLoad: true"), Warning, "needs Argo's database"},
		"an archive of everything": {settings("  persistence: |\n    archive: true"), Warning, "each run of the watch"},
		"an archive of our runs": {settings(`  persistence: |
    archive: true
    archiveLabelSelector: {matchExpressions: [{key: stanzaflow.dev/cluster, operator: Exists}]}`), Warning, "each run of the watch"},
		"settings that cannot be read": {settings(`  persistence: "[]"`), NotKnown, "cannot be read"},
		"no Stanza":                    {func(_ *testing.T, s *fakeSource) { s.objects["stanzas"] = nil }, Warning, "no Stanza"},
		"no template":                  {func(_ *testing.T, s *fakeSource) { s.remove("workflowtemplates", "pgbackrest-backup") }, Broken, "does not exist, so nothing can start"},
		"a template of old": {func(t *testing.T, s *fakeSource) {
			s.set(t, "workflowtemplates", "pgbackrest-backup", map[string]any{vocab.LabelContract: "v1"}, "metadata", "labels")
		}, Broken, "it has the contract v1"},
		"a template that was edited": {func(t *testing.T, s *fakeSource) {
			s.set(t, "workflowtemplates", "pgbackrest-backup", "", "spec", "entrypoint")
		}, Broken, "does not keep the contract"},
		"no account":             {func(_ *testing.T, s *fakeSource) { s.objects["serviceaccounts"] = nil }, Broken, "ServiceAccount pgbackrest-runner, which does not exist"},
		"a right of the account": {func(_ *testing.T, s *fakeSource) { s.denied["create pods/exec in namespace shop"] = true }, Broken, "may not create pods/exec"},
		"a watch that was edited": {func(t *testing.T, s *fakeSource) {
			t.Helper()
			s.set(t, "workflowtemplates", "pgbackrest-watch", "", "spec", "entrypoint")
		}, Broken, "does not keep the contract watch-v1"},
		"no template of the watch": {func(_ *testing.T, s *fakeSource) { s.remove("workflowtemplates", "pgbackrest-watch") }, Broken, "does not exist, so nothing can start"},
		"drills without a template": {func(t *testing.T, s *fakeSource) {
			t.Helper()
			s.set(t, "stanzas", "orders", map[string]any{}, "spec", "restorePod")
		}, Broken, "does not exist, so nothing can start"},
		"drills": {func(t *testing.T, s *fakeSource) {
			t.Helper()
			s.set(t, "stanzas", "orders", map[string]any{}, "spec", "restorePod")
			s.add(t, "workflowtemplates", "%s", ofRelease(workflowtemplates.Drill))
			s.objects["workflowtemplates"][2].SetNamespace("shop")
		}, Good, "contract drill-v1"},
		"a cap":                        {caps(`{all: "3"}`), Good, "3 slots"},
		"a cap without a ConfigMap":    {caps(""), Broken, "the ConfigMap does not exist, so Argo fails every run, or lets it wait"},
		"a cap without a key":          {caps(`{bucket: "3"}`), Broken, "the key has no number of slots"},
		"a cap of nothing":             {caps(`{all: "0"}`), Broken, "the key has no number of slots"},
		"no CronWorkflow of the watch": {func(_ *testing.T, s *fakeSource) { s.objects["cronworkflows"] = nil }, Broken, "no CronWorkflow pgbackrest-watch"},
		"a watch that is suspended": {func(t *testing.T, s *fakeSource) {
			s.set(t, "cronworkflows", "pgbackrest-watch", true, "spec", "suspend")
		}, Broken, "is suspended"},
		"a watch that failed": {func(t *testing.T, s *fakeSource) {
			s.objects["workflows"] = nil
			s.add(t, "workflows", watchRun, "Failed", "2026-11-29T15:47:00Z")
		}, Broken, "failed 3m ago"},
		"a watch that is old": {func(t *testing.T, s *fakeSource) {
			s.objects["workflows"] = nil
			s.add(t, "workflows", watchRun, "Succeeded", "2026-11-29T12:00:00Z")
		}, Broken, "ended 3h50m ago"},
		"no watch yet":                  {func(_ *testing.T, s *fakeSource) { s.objects["workflows"] = nil }, Warning, "no watch has ended yet"},
		"a watch that is off":           {flags("--watch-interval=0"), Warning, "it is off"},
		"a namespace left out":          {flags("--namespaces=sales,crm"), Broken, "the operator does not watch it"},
		"rights that cannot be asked":   {func(_ *testing.T, s *fakeSource) { s.mayErr = errors.New("no") }, NotKnown, "cannot ask for the rights of others"},
		"everything is in place indeed": {func(*testing.T, *fakeSource) {}, Good, "3m ago"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := goodSource(t)
			tc.change(t, s)
			found := false
			for _, c := range examine(t, s, "v1.0.0") {
				if c.Subject == "CRD of Stanza" {
					continue // The fake has no schema.
				}
				if strings.Contains(c.Finding, tc.want) && c.Verdict == tc.verdict {
					found = true
				}
				if c.Verdict == Good != (c.Fix == "") {
					t.Errorf("%s is %s, with the fix %q", c.Subject, c.Verdict, c.Fix)
				}
				if tc.verdict == Good && c.Verdict != Good {
					t.Errorf("%+v", c)
				}
			}
			if !found {
				t.Errorf("no finding %s: %q in\n%+v", tc.verdict, tc.want, examine(t, s, "v1.0.0"))
			}
		})
	}
}

func flags(flag string) func(*testing.T, *fakeSource) {
	return func(t *testing.T, s *fakeSource) {
		t.Helper()
		s.objects["deployments"] = nil
		s.add(t, "deployments", `
kind: Deployment
metadata: {name: stanzaflow, namespace: stanzaflow-system, labels: {app.kubernetes.io/name: stanzaflow, app.kubernetes.io/component: manager}}
spec: {selector: {}, template: {spec: {serviceAccountName: stanzaflow, containers: [{name: manager, image: "stanzaflow:v1.0.0", args: [--leader-elect, %s]}]}}}
status: {availableReplicas: 1}`, flag)
	}
}

// TestExamineComparesReleases: a program of another release is a warning, a build of a
// developer is none.
func TestExamineComparesReleases(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"v1.0.0": false, "dev": false, "v1.1.0": true} {
		warned := false
		for _, c := range examine(t, goodSource(t), version) {
			warned = warned || c.Subject == "operator and this program" && c.Verdict == Warning
		}
		if warned != want {
			t.Errorf("%s: warned %v", version, warned)
		}
	}
}

func TestFlagsOfTheOperator(t *testing.T) {
	t.Parallel()
	x := &examination{}
	x.readFlags([]string{"/operator", "manager", "--leader-elect", "--mode", "alongside", "-namespaces=a,b", "--watch-interval=0s"})
	if x.operator.provisioner != vocab.ProvisionedByCPO || len(x.operator.namespaces) != 2 || !x.operator.watchOff {
		t.Errorf("%+v", x.operator)
	}
}

func TestTagOf(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]string{
		"ghcr.io/stanzaflow/operator:v0.1.0": "v0.1.0", "localhost:5000/operator": "", "localhost:5000/operator:v1@sha256:00": "v1", "operator@sha256:00": "", "": "",
	} {
		if got := contract.Tag(image); got != want {
			t.Errorf("%s has the tag %q, want %q", image, got, want)
		}
	}
}

func TestCheckDeploymentTakesAnything(t *testing.T) {
	t.Parallel()
	x := &examination{}
	x.checkDeployment(&appsv1.Deployment{})
	x.checkController(t.Context(), &corev1.Pod{})
	if len(x.checks) != 1 || x.checks[0].Verdict != Broken {
		t.Errorf("%+v", x.checks)
	}
}

// TestOurSettingsOfArgoAreGood: doctor has nothing against what deploy/argo recommends.
func TestOurSettingsOfArgoAreGood(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../deploy/argo/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var configMap corev1.ConfigMap
		if err := yaml.Unmarshal(text, &configMap); err != nil {
			t.Fatal(err)
		}
		found, err := readSettings(configMap.Data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		x := &examination{}
		x.judgeSettings(file, found)
		if len(x.checks) != 1 || x.checks[0].Verdict != Good {
			t.Errorf("%+v", x.checks)
		}
	}
}
