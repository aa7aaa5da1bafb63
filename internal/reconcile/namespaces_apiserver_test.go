//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// overlayNamespace is the namespace that overlays/namespaced names.
const overlayNamespace = "cpo"

// TestManagerOfNamespaces runs the manager under the rights of
// deploy/overlays/namespaced: it works in its namespace, and neither looks nor
// reaches into another, nor at anything of the whole cluster that it has no
// right to.
func TestManagerOfNamespaces(t *testing.T) {
	s := startBareServer(t, argoCRDs(t, "minimal")...)
	watched, other := s.worldIn(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: overlayNamespace}}), s.world(t)
	overlay := kustomize(t, "../../deploy/overlays/namespaced")
	if got := flagOf(t, overlay, "--namespaces="); got != overlayNamespace {
		t.Fatalf("the overlay has --namespaces=%s, its RoleBinding is in %s", got, overlayNamespace)
	}
	s.install(t, overlay)
	operator := s.newClient(t, s.counted())
	eventually(t, func() error {
		return operator.List(t.Context(), &corev1.ConfigMapList{}, client.InNamespace(overlayNamespace))
	})

	for _, w := range []*world{watched, other} {
		w.create(makeTemplate(w.namespace))
		w.create(makeHosted(t, w.namespace))
	}
	s.awaitSchema(t)
	s.forget()
	stop := watched.startManager(overlayNamespace)
	watched.eventually(vocab.ConditionReady, vocab.ReasonReady)
	watched.wantPublished()
	watched.eventuallyEvent(vocab.ReasonCreated, testFull)

	// What somebody takes away is watched: it comes back.
	was := watched.get(cronWorkflowKind, testFull)
	watched.delete(was)
	eventually(t, func() error {
		if is := watched.find(cronWorkflowKind, testFull); is == nil || is.GetUID() == was.GetUID() {
			return fmt.Errorf("%s is not back", testFull)
		}
		return nil
	})
	stop()

	watched.wantAsked(discoveryOrRelease, overlayNamespace, operatorNamespace)
	if objects, err := list(t.Context(), s.client, stanzaKind, other.namespace, nil); err != nil || len(objects) > 0 {
		t.Errorf("in the other namespace there are the Stanzas %s: %v", asJSON(objects), err)
	}
	for _, kind := range watchedKinds {
		if objects, err := list(t.Context(), s.client, kind, other.namespace, ourLabels(testCluster)); err != nil || len(objects) > 0 {
			t.Errorf("in the other namespace there are %s: %v", asJSON(objects), err)
		}
	}
	wantNoAccess(t, operator, other.namespace)

	t.Run("with nothing of the whole cluster at all", func(t *testing.T) {
		binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "stanzaflow-policies"}}
		if err := s.client.Delete(t.Context(), binding); err != nil {
			t.Fatal(err)
		}
		stop := watched.startManager(overlayNamespace)
		watched.eventually(vocab.ConditionProgrammed, vocab.ReasonSkewUnknown)
		watched.eventually(vocab.ConditionReady, vocab.ReasonReady)
		stop()
	})
}

// discoveryOrRelease are the requests for what every account may ask for, and for
// what is to be of the operator's release.
var discoveryOrRelease = regexp.MustCompile(`^GET (/api|/apis)(/[a-z0-9.]+){0,2} (200|404)$` +
	`|^GET /openapi/v3/apis/stanzaflow.dev/v1alpha1 200$` +
	`|^GET /apis/admissionregistration.k8s.io/v1/validatingadmissionpolic(ies|ybindings)/stanzaflow-[a-z]+ 200$`)

// wantNoAccess: neither to a namespace, nor to all of them.
func wantNoAccess(t *testing.T, operator client.Client, namespace string) {
	t.Helper()
	for _, in := range []string{namespace, ""} {
		for _, objects := range []client.ObjectList{
			newList(cpo.GroupVersionKind), newList(cronWorkflowKind), newList(configMapKind), &stanzaflowv1alpha1.StanzaList{}, &corev1.SecretList{},
		} {
			if err := operator.List(t.Context(), objects, client.InNamespace(in)); !apierrors.IsForbidden(err) {
				t.Errorf("the operator lists %T in namespace %q: %v", objects, in, err)
			}
		}
	}
	stanza := &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "x", Labels: ourLabels("x")}}
	if err := operator.Create(t.Context(), stanza); !apierrors.IsForbidden(err) {
		t.Errorf("the operator makes a Stanza in namespace %s: %v", namespace, err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: testCert, Labels: ourLabels(testCluster)}}
	if err := operator.Create(t.Context(), secret); !apierrors.IsForbidden(err) {
		t.Errorf("the operator makes a Secret in namespace %s: %v", namespace, err)
	}
}

// forget the requests so far.
func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = nil
}

// wantAsked: the operator has asked for what is in these namespaces, for what
// matches, and for nothing else.
func (w *world) wantAsked(also *regexp.Regexp, namespaces ...string) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := map[string]bool{}
	for _, request := range w.asked {
		_, in, _ := strings.Cut(request, "/namespaces/")
		in, _, _ = strings.Cut(in, "/")
		seen[in] = true
		if !slices.Contains(namespaces, in) && !also.MatchString(request) {
			w.Errorf("the operator asked: %s", request)
		}
		if strings.HasSuffix(request, " 403") {
			w.Errorf("the operator had no right: %s", request)
		}
	}
	for _, namespace := range namespaces {
		if !seen[namespace] {
			w.Errorf("the operator asked for nothing in namespace %s", namespace)
		}
	}
}

// kustomize gives the objects of a folder of ours.
func kustomize(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	kubectl := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	out, err := exec.CommandContext(t.Context(), kubectl, "kustomize", folder).Output()
	if err != nil {
		t.Fatalf("cannot build %s: %v", folder, err)
	}
	var objects []*unstructured.Unstructured
	for document := range strings.SplitSeq(string(out), "\n---\n") {
		objects = append(objects, fromYAML(t, document))
	}
	return objects
}

// install creates objects. The CRDs are there already, and a Deployment would
// have no node.
func (s *server) install(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	// A Namespace comes before what is in it.
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int {
		return strings.Compare(kindOrder(a), kindOrder(b))
	})
	for _, object := range objects {
		if kind := object.GetKind(); kind == "CustomResourceDefinition" || kind == "Deployment" {
			continue
		}
		if err := s.client.Create(t.Context(), object); err != nil {
			t.Fatalf("cannot create %s: %v", id(object), err)
		}
	}
}

func kindOrder(object *unstructured.Unstructured) string {
	if object.GetKind() == "Namespace" {
		return "0"
	}
	return "1"
}

// flagOf is the value of an argument of the operator.
func flagOf(t *testing.T, objects []*unstructured.Unstructured, flag string) string {
	t.Helper()
	for _, object := range objects {
		containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
		for _, container := range containers {
			args, _, _ := unstructured.NestedStringSlice(container.(map[string]any), "args")
			for _, arg := range args {
				if value, ok := strings.CutPrefix(arg, flag); ok {
					return value
				}
			}
		}
	}
	t.Fatalf("the overlay does not set %s", flag)
	return ""
}
