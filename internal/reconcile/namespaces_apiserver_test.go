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
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// overlayNamespace is the namespace that overlays/namespaced names.
const overlayNamespace = "cpo"

// TestManagerOfNamespaces runs the manager with the rights of
// deploy/overlays/namespaced. It works in its namespace. It reads and writes
// nothing in another, and nothing of the whole cluster that it has no right to.
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
		w.create(reconciletest.Template(w.namespace))
		w.create(reconciletest.Hosted(t, w.namespace))
	}
	s.awaitSchema(t)
	s.forget()
	stop := watched.startManager(overlayNamespace)
	watched.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)
	watched.wantPublished()
	watched.eventuallyEvent(vocab.ReasonCreated, reconciletest.Cert)

	// A deleted object is watched, so it comes back.
	was := watched.get(object.CronWorkflow, reconciletest.Full)
	watched.delete(was)
	eventually(t, func() error {
		if is := watched.find(object.CronWorkflow, reconciletest.Full); is == nil || is.GetUID() == was.GetUID() {
			return fmt.Errorf("%s is not back", reconciletest.Full)
		}
		return nil
	})
	stop()

	watched.wantAsked(discoveryOrRelease, overlayNamespace, operatorNamespace)
	if objects, err := object.List(t.Context(), s.client, object.Stanza, other.namespace, nil); err != nil || len(objects) > 0 {
		t.Errorf("in the other namespace there are the Stanzas %s: %v", reconciletest.JSON(objects), err)
	}
	for _, kind := range object.Watched("") {
		if objects, err := object.List(t.Context(), s.client, kind, other.namespace, object.Labels(reconciletest.Cluster)); err != nil || len(objects) > 0 {
			t.Errorf("in the other namespace there are %s: %v", reconciletest.JSON(objects), err)
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
		watched.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)
		stop()
	})
}

// TestManagerOfNamespacesAlongside does the same with deploy/overlays/alongside-namespaced:
// the operator takes over the CronJob of CPO in its namespace, and sees none in another.
func TestManagerOfNamespacesAlongside(t *testing.T) {
	s := startBareServer(t, argoCRDs(t, "minimal")...)
	s.installCPO(t)
	watched, other := s.worldIn(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: overlayNamespace}}), s.world(t)
	overlay := kustomize(t, "../../deploy/overlays/alongside-namespaced")
	if got := flagOf(t, overlay, "--namespaces="); got != overlayNamespace {
		t.Fatalf("the overlay has --namespaces=%s, its RoleBinding is in %s", got, overlayNamespace)
	}
	if got := flagOf(t, overlay, "--mode="); got != vocab.ModeAlongside {
		t.Fatalf("the overlay has --mode=%s", got)
	}
	s.install(t, overlay)
	operator := s.newClient(t, s.counted())
	eventually(t, func() error {
		return operator.List(t.Context(), &batchv1.CronJobList{}, client.InNamespace(overlayNamespace))
	})
	for _, w := range []*world{watched, other} {
		w.createSample("s3", func() {})
	}
	const full = "pgbackrest-" + sampleCluster + "-repo1-full"
	watched.reschedule(full)
	s.awaitSchema(t)
	s.forget()
	stop := watched.startManagerWith(Options{Namespace: operatorNamespace, Namespaces: []string{overlayNamespace}, Provisioner: vocab.ProvisionedByCPO})
	eventually(t, func() error {
		// What has just been created is left alone.
		watched.clock.SetTime(time.Now().Add(time.Minute))
		if cronJob := watched.cronJob(full); !cronJob.Suspended || cronJob.SuspendManager != vocab.FieldManager {
			return fmt.Errorf("CronJob %s is %+v", full, cronJob)
		}
		return nil
	})
	stop()
	// 429 is the answer while the kind is new.
	also := regexp.MustCompile(discoveryOrRelease.String() + `|^GET /apis/cpo.opensource.cybertec.at/v1/operatorconfigurations (200|429)$`)
	watched.wantAsked(also, overlayNamespace, operatorNamespace)
	if cronJob := other.cronJob(full); cronJob.Suspended {
		t.Errorf("in the other namespace the CronJob is %+v", cronJob)
	}
	wantNoAccess(t, operator, other.namespace)
	if err := operator.List(t.Context(), &batchv1.CronJobList{}, client.InNamespace(other.namespace)); !apierrors.IsForbidden(err) {
		t.Errorf("the operator lists the CronJobs of another namespace: %v", err)
	}
}

// reschedule sets the full backup of a sample to a time that is not near. The operator does
// not take a schedule over around its slots, which are at half past two in the samples.
func (w *world) reschedule(cronJob string) {
	w.Helper()
	due := time.Now().UTC().Add(6 * time.Hour)
	schedule := fmt.Sprintf("%d %d * * *", due.Minute(), due.Hour())
	postgresql := w.get(cpo.GroupVersionKind, sampleCluster)
	for o, patch := range map[client.Object]string{
		postgresql: `[{"op":"replace","path":"/spec/backup/pgbackrest/repos/0/schedule/full","value":"` + schedule + `"}]`,
		&batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: cronJob}}: `[{"op":"replace","path":"/spec/schedule","value":"` + schedule + `"}]`,
	} {
		if err := w.client.Patch(w.Context(), o, client.RawPatch(types.JSONPatchType, []byte(patch))); err != nil {
			w.Fatal(err)
		}
	}
}

// cronJob reads what a CronJob of CPO does.
func (w *world) cronJob(name string) cpo.CronJob {
	w.Helper()
	cronJob := &batchv1.CronJob{}
	if err := w.client.Get(w.Context(), w.key(name), cronJob); err != nil {
		w.Fatal(err)
	}
	return cpo.DecodeCronJob(cronJob)
}

// discoveryOrRelease matches requests that every account may make, and requests for
// the objects that must belong to the operator's release.
var discoveryOrRelease = regexp.MustCompile(`^GET (/api|/apis)(/[a-z0-9.]+){0,2} (200|404)$` +
	`|^GET /openapi/v3/apis/stanzaflow.dev/v1alpha1 200$` +
	`|^GET /apis/admissionregistration.k8s.io/v1/validatingadmissionpolic(ies|ybindings)/stanzaflow-[a-z-]+ 200$`)

// wantNoAccess fails the test if the operator may read a namespace, or all of them.
func wantNoAccess(t *testing.T, operator client.Client, namespace string) {
	t.Helper()
	for _, in := range []string{namespace, ""} {
		for _, objects := range []client.ObjectList{
			object.NewList(cpo.GroupVersionKind), object.NewList(object.CronWorkflow), object.NewList(object.ConfigMap), &stanzaflowv1alpha1.StanzaList{}, &corev1.SecretList{},
		} {
			if err := operator.List(t.Context(), objects, client.InNamespace(in)); !apierrors.IsForbidden(err) {
				t.Errorf("the operator lists %T in namespace %q: %v", objects, in, err)
			}
		}
	}
	stanza := &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "x", Labels: object.Labels("x")}}
	if err := operator.Create(t.Context(), stanza); !apierrors.IsForbidden(err) {
		t.Errorf("the operator makes a Stanza in namespace %s: %v", namespace, err)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: reconciletest.Cert, Labels: object.Labels(reconciletest.Cluster)}}
	if err := operator.Create(t.Context(), secret); !apierrors.IsForbidden(err) {
		t.Errorf("the operator makes a Secret in namespace %s: %v", namespace, err)
	}
}

// forget drops the requests recorded so far.
func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = nil
}

// wantAsked fails the test unless every request of the operator was for these
// namespaces or matches the pattern.
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

// kustomize returns the objects of one of our folders.
func kustomize(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	kubectl := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl")
	out, err := exec.CommandContext(t.Context(), kubectl, "kustomize", folder).Output()
	if err != nil {
		t.Fatalf("cannot build %s: %v", folder, err)
	}
	return reconciletest.AllFromYAML(t, string(out))
}

// install creates objects. It leaves out the CRDs, which exist, and Deployments,
// which would have no node.
func (s *server) install(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	// A Namespace comes before its objects.
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int {
		return strings.Compare(kindOrder(a), kindOrder(b))
	})
	for _, o := range objects {
		if kind := o.GetKind(); kind == "CustomResourceDefinition" || kind == "Deployment" {
			continue
		}
		if err := s.client.Create(t.Context(), o); err != nil {
			t.Fatalf("cannot create %s: %v", object.ID(o), err)
		}
	}
}

func kindOrder(o *unstructured.Unstructured) string {
	if o.GetKind() == "Namespace" {
		return "0"
	}
	return "1"
}

// flagOf returns the value of an argument of the operator.
func flagOf(t *testing.T, objects []*unstructured.Unstructured, flag string) string {
	t.Helper()
	for _, o := range objects {
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
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
