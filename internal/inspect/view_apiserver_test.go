//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// argoModule is where the manifests of Argo are.
func argoModule(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		t.Fatalf("cannot find the Argo module: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "manifests")
}

// TestViewIsEnough: a ServiceAccount with the ClusterRole view sees everything but the
// postgresql, and that is said. A real API server decides.
func TestViewIsEnough(t *testing.T) {
	argo := argoModule(t)
	crds := filepath.Join(argo, "base/crds/minimal")
	config := apiservertest.Start(t, crds+"/argoproj.io_workflows.yaml", crds+"/argoproj.io_cronworkflows.yaml", crds+"/argoproj.io_workflowtemplates.yaml",
		"../../deploy/crds/cpo.opensource.cybertec.at_postgresqls.yaml", "../../deploy/crds/stanzaflow.dev_stanzas.yaml")
	core := kubernetes.NewForConfigOrDie(config)
	createRoles(t, core, "../../deploy/base/roles.yaml", filepath.Join(argo, "cluster-install-no-crds/workflow-controller-rbac/workflow-aggregate-roles.yaml"))
	view(t, core)
	f := world(t, situations["failing"]...)
	createWorld(t, config, f)

	viewer := rest.CopyConfig(config)
	viewer.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:shop:viewer", Groups: []string{"system:serviceaccounts", "system:authenticated"}}
	client, err := NewClient(viewer)
	if err != nil {
		t.Fatal(err)
	}
	var facts Facts
	if err := apiservertest.Poll(func() error {
		facts, err = Read(t.Context(), client, "shop", "orders", now)
		if err == nil && facts.Workflows == nil {
			err = errors.New(strings.Join(facts.Unknown, "; "))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(facts.Unknown) != 1 || facts.Unknown[0] != "you may not get postgresqls.cpo.opensource.cybertec.at in namespace shop" {
		t.Errorf("not known: %q", facts.Unknown)
	}
	e := Explain(facts)
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"is not suspended, fired last at 2026-11-29T02:30:00Z", "backup, after 6 attempts", "82, archive-timeout of pgBackRest", "#082-archive-timeout"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("explain does not say %q: %s", want, text)
		}
	}
	if l := Listings(facts.Stanza, facts.Watches); len(l) != 1 || len(l[0].Backups) != 4 {
		t.Errorf("backups: %+v", l)
	}
	if names := RunNames(t.Context(), client, "shop"); len(names) != 2 {
		t.Errorf("runs to complete: %q", names)
	}
	mayReadLogs(t, core)
	testDoctor(t, config, client)
}

// createRoles creates the ClusterRoles of some files.
func createRoles(t *testing.T, core kubernetes.Interface, files ...string) {
	t.Helper()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			var role rbacv1.ClusterRole
			if err := yaml.Unmarshal([]byte(document), &role); err != nil {
				t.Fatal(err)
			}
			if _, err := core.RbacV1().ClusterRoles().Create(t.Context(), &role, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// view gives a ServiceAccount the ClusterRole view in its namespace. A controller that
// does not run here aggregates that role, so each of its parts is bound.
func view(t *testing.T, core kubernetes.Interface) {
	t.Helper()
	if _, err := core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var parts *rbacv1.ClusterRoleList
	if err := apiservertest.Poll(func() (err error) {
		parts, err = core.RbacV1().ClusterRoles().List(t.Context(), metav1.ListOptions{LabelSelector: "rbac.authorization.k8s.io/aggregate-to-view=true"})
		if err == nil && len(parts.Items) < 3 {
			err = fmt.Errorf("view has %d parts, want those of Kubernetes, Argo and ours", len(parts.Items))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts.Items {
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{GenerateName: "view-"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: part.Name},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "viewer", Namespace: "shop"}},
		}
		if _, err := core.RbacV1().RoleBindings("shop").Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// createWorld writes facts into the API server.
func createWorld(t *testing.T, config *rest.Config, f Facts) {
	t.Helper()
	objects := dynamic.NewForConfigOrDie(config)
	create := func(object runtime.Object, apiVersion, kind string) {
		t.Helper()
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{Object: content}
		o.SetAPIVersion(apiVersion)
		o.SetKind(kind)
		o.SetUID("")
		of := stanzas
		switch kind {
		case "Workflow":
			of = workflows
		case "CronWorkflow":
			of = cronWorkflows
		}
		made, err := objects.Resource(of).Namespace("shop").Create(t.Context(), o, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if of != stanzas {
			return
		}
		made.Object["status"] = content["status"]
		if _, err := objects.Resource(of).Namespace("shop").UpdateStatus(t.Context(), made, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range f.Stanza.Status.Conditions {
		f.Stanza.Status.Conditions[i].LastTransitionTime = *at(2, 51)
	}
	create(f.Stanza, stanzas.GroupVersion().String(), "Stanza")
	for _, c := range f.CronWorkflows {
		create(c, cronWorkflows.GroupVersion().String(), "CronWorkflow")
	}
	for _, w := range append(f.Workflows, f.Watches...) {
		// The API server gives another UID, and the report must be of this run.
		w = w.DeepCopy()
		create(w, workflows.GroupVersion().String(), "Workflow")
		own(t, objects, w.Name)
	}
	cluster := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}
	cluster.SetGroupVersionKind(cpo.GroupVersionKind)
	cluster.SetName("orders")
	if _, err := objects.Resource(postgresqls).Namespace("shop").Create(t.Context(), cluster, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// own puts the UID of a Workflow into its report.
func own(t *testing.T, objects dynamic.Interface, name string) {
	t.Helper()
	o, err := objects.Resource(workflows).Namespace("shop").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), "uid-of-"+name, string(o.GetUID()))), &o.Object); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.Resource(workflows).Namespace("shop").Update(t.Context(), o, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// mayReadLogs: logs RUN reads pods/log.
func mayReadLogs(t *testing.T, core kubernetes.Interface) {
	t.Helper()
	review, err := core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               "system:serviceaccount:shop:viewer",
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: "shop", Verb: "get", Resource: "pods", Subresource: "log"},
	}}, metav1.CreateOptions{})
	if err != nil || !review.Status.Allowed {
		t.Errorf("view may not read pods/log: %v, %+v", err, review)
	}
}

// testDoctor: whoever may not look is told so, and an administrator sees what is missing.
func testDoctor(t *testing.T, config *rest.Config, viewer *Client) {
	t.Helper()
	verdicts := func(c *Client) map[string]Check {
		found := map[string]Check{}
		for _, check := range Examine(t.Context(), c, Question{Namespace: "shop", Version: "dev", Now: time.Now}) {
			found[check.Subject] = check
		}
		return found
	}
	seen := verdicts(viewer)
	for _, subject := range []string{"operator", "admission policies", "Argo's controller"} {
		if seen[subject].Verdict != NotKnown {
			t.Errorf("view: %+v", seen[subject])
		}
	}
	for _, subject := range []string{"Kubernetes", "clock", "CRD of Stanza", "kinds of argoproj.io"} {
		if seen[subject].Verdict != Good {
			t.Errorf("view: %+v", seen[subject])
		}
	}
	admin, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	seen = verdicts(admin)
	for subject, want := range map[string]Verdict{"operator": Broken, "admission policies": Warning, "Argo's controller": Broken, "WorkflowTemplate shop/pgbackrest-backup": Broken} {
		if seen[subject].Verdict != want {
			t.Errorf("administrator: %+v, want %s", seen[subject], want)
		}
	}
	if may, err := admin.May(t.Context(), Right{User: "system:serviceaccount:shop:viewer", Verb: "delete", Of: pods, Namespace: "shop"}); err != nil || may {
		t.Errorf("the viewer may delete pods: %v, %v", may, err)
	}
	if _, err := viewer.May(t.Context(), Right{User: "somebody", Verb: "get", Of: pods}); !apierrors.IsForbidden(err) {
		t.Errorf("the viewer may ask for the rights of others: %v", err)
	}
}
