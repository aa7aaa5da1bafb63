//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// TestRolesOfPeople checks what view and edit allow. The controller that adds them
// to Kubernetes' own roles does not run here. It goes by labels, so the test
// compares those, and grants each role as the controller would add it up.
func TestRolesOfPeople(t *testing.T) {
	s := startServer(t)
	namespace := s.world(t).namespace
	// Kubernetes' own roles have the rules of the roles with their label.
	added := map[string][]string{}
	for _, name := range []string{"stanzaflow-view", "stanzaflow-edit"} {
		role := &rbacv1.ClusterRole{}
		if err := s.client.Get(t.Context(), client.ObjectKey{Name: name}, role); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{"view", "edit", "admin"} {
			if role.Labels["rbac.authorization.k8s.io/aggregate-to-"+to] == "true" {
				added[to] = append(added[to], name)
			}
		}
	}
	both := []string{"stanzaflow-view", "stanzaflow-edit"}
	want := map[string][]string{"view": {"stanzaflow-view"}, "edit": both, "admin": both}
	if diff := cmp.Diff(want, added); diff != "" {
		t.Errorf("what is added to which role (-want +got):\n%s", diff)
	}

	reads, writes := []string{"get", "list", "watch"}, []string{"create", "update", "patch", "delete"}
	for to, may := range map[string][]string{"view": reads, "edit": slices.Concat(reads, writes), "admin": slices.Concat(reads, writes)} {
		for _, role := range added[to] {
			s.bind(t, namespace, role, to+"-user")
		}
		eventually(t, func() error {
			if !s.may(t, to+"-user", namespace, may[len(may)-1], "") {
				return fmt.Errorf("the binding of %s is not in force", to)
			}
			return nil
		})
		for _, verb := range slices.Concat(reads, writes, []string{"deletecollection"}) {
			if got := s.may(t, to+"-user", namespace, verb, ""); got != slices.Contains(may, verb) {
				t.Errorf("%s may %s a Stanza: %t", to, verb, got)
			}
			if s.may(t, to+"-user", namespace, verb, "status") {
				t.Errorf("%s may %s the status of a Stanza", to, verb)
			}
			if s.may(t, to+"-user", "default", verb, "") {
				t.Errorf("%s may %s a Stanza in another namespace", to, verb)
			}
		}
	}
}

func (s *server) bind(t *testing.T, namespace, role, user string) {
	t.Helper()
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: role + "-" + user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	if err := s.client.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
}

// may asks the API server whether a user may do something with Stanzas.
func (s *server) may(t *testing.T, user, namespace, verb, subresource string) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user, Groups: []string{"system:authenticated"},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Subresource: subresource,
			Group: stanzaflowv1alpha1.GroupVersion.Group, Version: stanzaflowv1alpha1.GroupVersion.Version, Resource: "stanzas",
		},
	}}
	if err := s.client.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}
