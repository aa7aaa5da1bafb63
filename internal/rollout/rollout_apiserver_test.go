//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const enabled = vocab.LabelTemplates + "=" + vocab.TemplatesEnabled

// world is a real API server, and how many requests it got.
type world struct {
	config   *rest.Config
	core     kubernetes.Interface
	client   *Client
	requests atomic.Int64
	writes   atomic.Int64
}

func startWorld(t *testing.T) *world {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v3").Output()
	if err != nil {
		t.Fatalf("cannot find the Argo module: %v", err)
	}
	crds := filepath.Join(strings.TrimSpace(string(out)), "manifests/base/crds/minimal")
	w := &world{config: apiservertest.Start(t, crds+"/argoproj.io_workflowtemplates.yaml", "../../deploy/crds/stanzaflow.dev_stanzas.yaml")}
	w.core = kubernetes.NewForConfigOrDie(w.config)
	w.client = w.as(t, "")
	return w
}

// as returns a client of a user, an administrator if that is empty. It counts requests.
func (w *world) as(t *testing.T, user string) *Client {
	t.Helper()
	config := rest.CopyConfig(w.config)
	if user != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			w.requests.Add(1)
			if r.Method != http.MethodGet && r.URL.Query().Get("dryRun") == "" {
				w.writes.Add(1)
			}
			return next.RoundTrip(r)
		})
	})
	client, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (w *world) create(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{vocab.LabelTemplates: vocab.TemplatesEnabled}}}
		if _, err := w.core.CoreV1().Namespaces().Create(t.Context(), n, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) session(t *testing.T, version string) *Session {
	t.Helper()
	return &Session{Cluster: w.client, Bundle: own(t, version), By: vocab.ProvisionedByUs, How: How{Manager: vocab.TemplatesManager}, Warn: func(sentence string) { t.Log(sentence) }}
}

func own(t *testing.T, version string) Bundle {
	t.Helper()
	bundle, err := Own(vocab.ProvisionedByUs, Image(version))
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

func apply(t *testing.T, s *Session, target Target) map[string]Result {
	t.Helper()
	results := map[string]Result{}
	if err := s.Apply(t.Context(), target, func(r Result) { results[r.Namespace] = r }); err != nil {
		t.Fatal(err)
	}
	return results
}

func outcomes(results map[string]Result) map[string]Outcome {
	found := map[string]Outcome{}
	for name, r := range results {
		found[name] = r.Outcome
	}
	return found
}

func standings(t *testing.T, s *Session, target Target) map[string]State {
	t.Helper()
	states, err := s.Status(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]State{}
	for _, state := range states {
		found[state.Namespace] = state
	}
	return found
}

var templatesResource = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "workflowtemplates"}

// applyAs applies one template as another manager does.
func (w *world) applyAs(t *testing.T, manager, namespace string, force bool, bundle Bundle, change func(*unstructured.Unstructured)) {
	t.Helper()
	for _, object := range bundle.Objects {
		if object.GetName() != vocab.DefaultWorkflowTemplate {
			continue
		}
		object = object.DeepCopy()
		object.SetNamespace(namespace)
		unstructured.RemoveNestedField(object.Object, "metadata", "annotations", vocab.AnnotationBundle)
		change(object)
		if _, err := w.client.Apply(t.Context(), templatesResource, object, How{Manager: manager, Force: force}); err != nil {
			t.Fatal(err)
		}
	}
}

// applyPlain applies a bundle as kubectl does with the plain files, which have no label.
func (w *world) applyPlain(t *testing.T, namespace string, bundle Bundle) {
	t.Helper()
	for _, object := range bundle.Objects {
		object = object.DeepCopy()
		object.SetNamespace(namespace)
		for field, name := range map[string]string{"annotations": vocab.AnnotationBundle, "labels": vocab.LabelPartOf} {
			unstructured.RemoveNestedField(object.Object, "metadata", field, name)
			if left, _, _ := unstructured.NestedMap(object.Object, "metadata", field); len(left) == 0 {
				unstructured.RemoveNestedField(object.Object, "metadata", field)
			}
		}
		resource, _, err := w.client.Kind(t.Context(), object.GroupVersionKind())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.Apply(t.Context(), resource, object, How{Manager: "kubectl"}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRollout holds what a person relies on against a real API server.
func TestRollout(t *testing.T) {
	w := startWorld(t)
	label := Target{Selector: enabled}

	t.Run("first apply, again, upgrade", func(t *testing.T) {
		w.create(t, "billing", "shop")
		if diff := cmp.Diff(map[string]Outcome{"billing": "created", "shop": "created"}, outcomes(apply(t, w.session(t, "v0.1.0"), label))); diff != "" {
			t.Errorf("first (-want +got):\n%s", diff)
		}
		before := w.writes.Load()
		if diff := cmp.Diff(map[string]Outcome{"billing": "unchanged", "shop": "unchanged"}, outcomes(apply(t, w.session(t, "v0.1.0"), label))); diff != "" {
			t.Errorf("again (-want +got):\n%s", diff)
		}
		if writes := w.writes.Load() - before; writes != 0 {
			t.Errorf("%d writes without a change", writes)
		}
		state := standings(t, w.session(t, "v0.2.0"), label)["shop"]
		if state.Standing != Behind || state.Release != "v0.1.0" || !slices.Equal(state.Managers, []string{vocab.TemplatesManager}) {
			t.Errorf("before the upgrade: %+v", state)
		}
		result := apply(t, w.session(t, "v0.2.0"), label)["shop"]
		want := []string{"WorkflowTemplate pgbackrest-backup", "WorkflowTemplate pgbackrest-watch", "WorkflowTemplate pgbackrest-drill"}
		if diff := cmp.Diff(want, result.Configured); diff != "" || result.Outcome != "configured" {
			t.Errorf("upgrade, outcome %s (-want +got):\n%s", result.Outcome, diff)
		}
		if state := standings(t, w.session(t, "v0.2.0"), Target{})["shop"]; state.Standing != Current {
			t.Errorf("after the upgrade: %+v", state)
		}
	})

	t.Run("another manager", func(t *testing.T) {
		w.create(t, "argo-cd")
		target := Target{Names: []string{"argo-cd"}}
		w.applyAs(t, "argocd-controller", "argo-cd", false, own(t, "v0.1.0"), func(*unstructured.Unstructured) {})
		result := apply(t, w.session(t, "v0.2.0"), target)["argo-cd"]
		if result.Outcome != Failed || !strings.Contains(result.Problem, "WorkflowTemplate pgbackrest-backup: argocd-controller has set .spec; leave the namespace to that manager, or take the fields with --force-conflicts") {
			t.Errorf("%+v", result)
		}
		roles, err := w.core.RbacV1().Roles("argo-cd").List(t.Context(), metav1.ListOptions{})
		if err != nil || len(roles.Items) != 0 {
			t.Errorf("%d Roles beside templates of another manager, error %v", len(roles.Items), err)
		}
		s := w.session(t, "v0.2.0")
		s.How.Force = true
		if result := apply(t, s, target)["argo-cd"]; result.Outcome != "configured" {
			t.Errorf("with force: %+v", result)
		}
	})

	t.Run("the same content of another manager", func(t *testing.T) {
		w.create(t, "same")
		w.applyAs(t, "argocd-controller", "same", false, own(t, "v0.1.0"), func(*unstructured.Unstructured) {})
		if result := apply(t, w.session(t, "v0.1.0"), Target{Names: []string{"same"}})["same"]; result.Outcome != "created" || result.Unchanged != 1 {
			t.Errorf("%+v", result)
		}
		live, err := w.client.Get(t.Context(), templatesResource, "same", vocab.DefaultWorkflowTemplate)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"argocd-controller"}, managers(live)); diff != "" {
			t.Errorf("managers of a template that is as it should be (-want +got):\n%s", diff)
		}
	})

	t.Run("changed by a person", func(t *testing.T) {
		w.create(t, "edited")
		target := Target{Names: []string{"edited"}}
		apply(t, w.session(t, "v0.1.0"), target)
		w.applyAs(t, "kubectl-edit", "edited", true, own(t, "v0.1.0"), func(o *unstructured.Unstructured) {
			if err := unstructured.SetNestedField(o.Object, int64(60), "spec", "activeDeadlineSeconds"); err != nil {
				t.Fatal(err)
			}
		})
		state := standings(t, w.session(t, "v0.1.0"), target)["edited"]
		if state.Standing != Changed || !slices.Contains(state.Managers, "kubectl-edit") || !strings.Contains(state.Problem, "WorkflowTemplate pgbackrest-backup .spec.activeDeadlineSeconds") {
			t.Errorf("%+v", state)
		}
		if result := apply(t, w.session(t, "v0.1.0"), target)["edited"]; result.Outcome != Failed || !strings.Contains(result.Problem, "kubectl-edit has set .spec;") {
			t.Errorf("%+v", result)
		}
	})

	t.Run("extended by a person", func(t *testing.T) {
		w.create(t, "extended")
		target := Target{Names: []string{"extended"}}
		apply(t, w.session(t, "v0.1.0"), target)
		w.applyAs(t, "kubectl-edit", "extended", true, own(t, "v0.1.0"), func(o *unstructured.Unstructured) {
			if err := unstructured.SetNestedField(o.Object, int64(1), "spec", "parallelism"); err != nil {
				t.Fatal(err)
			}
		})
		if state := standings(t, w.session(t, "v0.1.0"), target)["extended"]; state.Standing != Changed || !strings.Contains(state.Problem, "WorkflowTemplate pgbackrest-backup .spec.parallelism") {
			t.Errorf("%+v", state)
		}
	})

	t.Run("a field that is left out", func(t *testing.T) {
		w.create(t, "left")
		target := Target{Names: []string{"left"}}
		bundle := func(extra bool) Bundle {
			objects := own(t, "v0.1.0").Objects
			for _, o := range objects {
				if o.GetKind() == "Role" && o.GetName() == "pgbackrest-drill" && extra {
					if err := unstructured.SetNestedField(o.Object, "x", "metadata", "annotations", "example.com/team"); err != nil {
						t.Fatal(err)
					}
				}
			}
			made, err := New(objects)
			if err != nil {
				t.Fatal(err)
			}
			return made
		}
		s := w.session(t, "v0.1.0")
		s.Bundle = bundle(true)
		apply(t, s, target)
		s.Bundle = bundle(false)
		if state := standings(t, s, target)["left"]; state.Standing != Different {
			t.Errorf("a field of another bundle: %+v", state)
		}
		if result := apply(t, s, target)["left"]; !slices.Equal(result.Configured, []string{"Role pgbackrest-drill"}) {
			t.Errorf("%+v", result)
		}
		role, err := w.core.RbacV1().Roles("left").Get(t.Context(), "pgbackrest-drill", metav1.GetOptions{})
		if err != nil || role.Annotations["example.com/team"] != "" {
			t.Errorf("the field is still there: %v, %v", role.Annotations, err)
		}
	})

	t.Run("a namespace that disappears, and one that may not be written", func(t *testing.T) {
		w.create(t, "gone-1", "gone-2", "mine")
		w.grant(t, "jane", "mine", "gone-1", "gone-2")
		w.create(t, "theirs")
		s := w.session(t, "v0.1.0")
		s.Cluster = disappearing{Cluster: w.as(t, "jane"), world: w, of: "gone-2"}
		results := apply(t, s, Target{Names: []string{"gone-2", "mine", "theirs"}})
		if diff := cmp.Diff(map[string]Outcome{"gone-2": Gone, "mine": "created", "theirs": Failed}, outcomes(results)); diff != "" {
			t.Errorf("(-want +got):\n%s\n%+v", diff, results)
		}
		if problem := results["theirs"].Problem; !strings.Contains(problem, `"jane" cannot list resource`) {
			t.Errorf("problem: %s", problem)
		}
	})

	t.Run("rights that the person has not", func(t *testing.T) {
		w.create(t, "little")
		w.grant(t, "joe", "little")
		s := w.session(t, "v0.1.0")
		s.Cluster = w.as(t, "joe")
		// joe may write Roles, and may not exec.
		w.withoutEscalate(t, "joe", "little")
		result := Result{}
		if err := apiservertest.Poll(func() error {
			result = apply(t, s, Target{Names: []string{"little"}})["little"]
			if result.Outcome != Failed {
				return fmt.Errorf("%+v", result)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(result.Problem, "you may not give a right that you do not have") {
			t.Errorf("%+v", result)
		}
	})

	t.Run("the plain files", func(t *testing.T) {
		w.create(t, "plain", "new")
		w.applyPlain(t, "plain", own(t, "v0.1.0"))
		for name, target := range map[string]Target{"alone": {Names: []string{"plain"}}, "of several": {Names: []string{"plain", "new"}}} {
			state := standings(t, w.session(t, "v0.2.0"), target)["plain"]
			if state.Standing != Behind || len(state.Missing) != 0 || state.Release != "v0.1.0" || !slices.Equal(state.Managers, []string{"kubectl"}) {
				t.Errorf("%s: %+v", name, state)
			}
		}
		// A Role that is new must not be written beside templates that are refused.
		if err := w.core.RbacV1().Roles("plain").Delete(t.Context(), vocab.DrillTemplate, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		target, before := Target{Names: []string{"plain"}}, w.writes.Load()
		result := apply(t, w.session(t, "v0.2.0"), target)["plain"]
		if writes := w.writes.Load() - before; result.Outcome != Failed || !strings.Contains(result.Problem, "kubectl has set .spec") || writes != 0 {
			t.Errorf("%d writes, %+v", writes, result)
		}
		s := w.session(t, "v0.2.0")
		s.How.Manager = "kubectl"
		if result := apply(t, s, target)["plain"]; len(result.Configured) != 11 || !slices.Equal(result.Created, []string{"Role pgbackrest-drill"}) {
			t.Errorf("as kubectl: %+v", result)
		}
		if state := standings(t, s, target)["plain"]; state.Standing != Current {
			t.Errorf("after it: %+v", state)
		}
	})

	t.Run("a person without the verb bind", func(t *testing.T) {
		w.create(t, "unbound")
		target := Target{Names: []string{"unbound"}}
		w.grant(t, "ann", "unbound")
		w.withoutEscalate(t, "ann", "unbound", rightsOf(t, own(t, "v0.2.0"))...)
		s := w.session(t, "v0.1.0")
		s.Cluster = w.as(t, "ann")
		s.How.DryRun = true
		if result := apply(t, s, target)["unbound"]; result.Outcome != "created" || len(result.Created) != 12 {
			t.Errorf("dry run: %+v", result)
		}
		s.How.DryRun = false
		if result := apply(t, s, target)["unbound"]; result.Outcome != "created" || len(result.Created) != 12 {
			t.Errorf("first: %+v", result)
		}
		// An upgrade that brings a Role, and changes templates.
		roles, bindings := w.core.RbacV1().Roles("unbound"), w.core.RbacV1().RoleBindings("unbound")
		if err := errors.Join(
			roles.Delete(t.Context(), vocab.DrillTemplate, metav1.DeleteOptions{}),
			bindings.Delete(t.Context(), vocab.DrillTemplate, metav1.DeleteOptions{}),
		); err != nil {
			t.Fatal(err)
		}
		s.Bundle = own(t, "v0.2.0")
		want := []string{"Role pgbackrest-drill", "RoleBinding pgbackrest-drill"}
		result := apply(t, s, target)["unbound"]
		if diff := cmp.Diff(want, result.Created); diff != "" || result.Outcome != "configured" {
			t.Errorf("upgrade: %+v, created (-want +got):\n%s", result, diff)
		}
	})

	t.Run("an object that is in no namespace", func(t *testing.T) {
		w.create(t, "placed")
		target := Target{Names: []string{"placed"}}
		class := func(value int64) *Session {
			s := w.session(t, "v0.1.0")
			o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": value, "metadata": map[string]any{"name": "pgbackrest"}}}
			bundle, err := New(append(s.Bundle.Objects, o))
			if err != nil {
				t.Fatal(err)
			}
			s.Bundle = bundle
			return s
		}
		want := map[string]Outcome{"": "created", "placed": "created"}
		if diff := cmp.Diff(want, outcomes(apply(t, class(1000), target))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]Outcome{"": "unchanged", "placed": "unchanged"}, outcomes(apply(t, class(1000), target))); diff != "" {
			t.Errorf("again (-want +got):\n%s", diff)
		}
		// The API server never changes the value of a class.
		var results []Result
		err := class(2000).Apply(t.Context(), target, func(r Result) { results = append(results, r) })
		if err == nil || !strings.Contains(err.Error(), "no namespace was tried") || len(results) != 1 || results[0].Outcome != Failed {
			t.Errorf("%v, %+v", err, results)
		}
	})

	t.Run("an object that others have made", func(t *testing.T) {
		w.create(t, "made")
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "pgbackrest-runner", Labels: map[string]string{"team": "a"}}}
		if _, err := w.core.CoreV1().ServiceAccounts("made").Create(t.Context(), account, metav1.CreateOptions{FieldManager: "somebody"}); err != nil {
			t.Fatal(err)
		}
		result := apply(t, w.session(t, "v0.1.0"), Target{Names: []string{"made"}})["made"]
		if diff := cmp.Diff([]string{"ServiceAccount pgbackrest-runner"}, result.Configured); diff != "" || len(result.Created) != 11 {
			t.Errorf("%d created, configured (-want +got):\n%s", len(result.Created), diff)
		}
	})

	t.Run("dry run writes nothing", func(t *testing.T) {
		w.create(t, "dry")
		s := w.session(t, "v0.1.0")
		s.How.DryRun = true
		before := w.writes.Load()
		if result := apply(t, s, Target{Names: []string{"dry"}})["dry"]; result.Outcome != "created" || len(result.Created) != 12 {
			t.Errorf("%+v", result)
		}
		if state := standings(t, s, Target{Names: []string{"dry"}})["dry"]; state.Standing != Missing || w.writes.Load() != before {
			t.Errorf("%+v, %d writes", state, w.writes.Load()-before)
		}
	})
}

// disappearing deletes a namespace before the first write into it.
type disappearing struct {
	Cluster

	world *world
	of    string
}

func (d disappearing) Apply(ctx context.Context, of schema.GroupVersionResource, object *unstructured.Unstructured, how How) (*unstructured.Unstructured, error) {
	if object.GetNamespace() == d.of {
		if err := d.world.core.CoreV1().Namespaces().Delete(ctx, d.of, metav1.DeleteOptions{}); err != nil {
			return nil, err
		}
	}
	return d.Cluster.Apply(ctx, of, object, how)
}

// grant gives a user all rights in some namespaces.
func (w *world) grant(t *testing.T, user string, namespaces ...string) {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}}}
	if _, err := w.core.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, namespace := range namespaces {
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: user},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
			Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: user}},
		}
		if _, err := w.core.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	list := w.as(t, user)
	if err := apiservertest.Poll(func() error {
		_, err := list.List(t.Context(), schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}, namespaces[0], "")
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// withoutEscalate leaves a user the right to write the objects, and of those they give the
// ones that are named.
func (w *world) withoutEscalate(t *testing.T, user, namespace string, given ...rbacv1.PolicyRule) {
	t.Helper()
	role, err := w.core.RbacV1().ClusterRoles().Get(t.Context(), user, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	role.Rules = append([]rbacv1.PolicyRule{{
		APIGroups: []string{"", "rbac.authorization.k8s.io", "argoproj.io"},
		Resources: []string{"serviceaccounts", "roles", "rolebindings", "workflowtemplates"},
		Verbs:     []string{"get", "list", "create", "patch"},
	}}, given...)
	if _, err := w.core.RbacV1().ClusterRoles().Update(t.Context(), role, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	// The API server caches who may what.
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
		Namespace: namespace, Group: rbacv1.GroupName, Resource: "roles", Verb: "bind",
	}}}
	if err := apiservertest.Poll(func() error {
		answer, err := w.core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
		if err == nil && answer.Status.Allowed {
			err = fmt.Errorf("%s may still bind", user)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// rightsOf are those that the Roles of a bundle give.
func rightsOf(t *testing.T, bundle Bundle) []rbacv1.PolicyRule {
	t.Helper()
	var rules []rbacv1.PolicyRule
	for _, object := range bundle.Objects {
		if object.GetKind() != kindRole {
			continue
		}
		role := &rbacv1.Role{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, role); err != nil {
			t.Fatal(err)
		}
		rules = append(rules, role.Rules...)
	}
	return rules
}
