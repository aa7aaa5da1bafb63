//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestClustersOfCPO checks that the operator does no harm to a cluster that CPO
// manages, in a Kubernetes cluster where CPO is installed.
func TestClustersOfCPO(t *testing.T) {
	s := startServer(t, argoCRDs(t, "minimal")...)
	s.installCPO(t)
	for name, test := range map[string]func(*world){
		"new with s3":                        func(w *world) { testNewOfCPO(w, reconciletest.Postgresql(w.T, w.namespace)) },
		"new with pvc":                       func(w *world) { testNewOfCPO(w, reconciletest.Hosted(w.T, w.namespace)) },
		"handed over by the annotation":      testHandedOver,
		"of a CPO with an id":                testOfCPOWithID,
		"with objects there first, pvc":      func(w *world) { testObjectsOfCPO(w, "pvc", true) },
		"with objects there first, s3":       func(w *world) { testObjectsOfCPO(w, "s3", true) },
		"with objects there first, azure":    func(w *world) { testObjectsOfCPO(w, "azure", true) },
		"with objects there later, pvc":      func(w *world) { testObjectsOfCPO(w, "pvc", false) },
		"with objects there later, s3":       func(w *world) { testObjectsOfCPO(w, "s3", false) },
		"handed over with objects, pvc":      func(w *world) { testHandedOverWithObjects(w, "pvc") },
		"handed over with objects, s3":       func(w *world) { testHandedOverWithObjects(w, "s3") },
		"with objects there later, tworepos": func(w *world) { testObjectsOfCPO(w, "tworepos", false) },
	} {
		t.Run(name, func(t *testing.T) { test(s.world(t)) })
	}
}

// TestCPOWasHere checks a cluster to which CPO has written, without CPO.
func TestCPOWasHere(t *testing.T) {
	w := startWorld(t)
	w.create(reconciletest.Template(w.namespace))
	postgresql := reconciletest.Hosted(w.T, w.namespace)
	w.create(postgresql)
	w.setClusterStatus(postgresql, "Running")
	w.settle()
	w.wantOnlyStanza()
	if c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonManagedByCPO); !strings.Contains(c.Message, "as the status of the resource shows") {
		t.Errorf("Programmed says: %s", c.Message)
	}
	w.annotate(postgresql, cpo.ControllerStanzaflow)
	w.settle()
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	w.get(object.StatefulSet, reconciletest.Host)
}

// TestCPOInstalledLater checks that a running manager sees CPO come and go, and what
// becomes of a cluster for which it has written everything.
func TestCPOInstalledLater(t *testing.T) {
	w := startWorld(t)
	w.create(reconciletest.Template(w.namespace))
	postgresql := reconciletest.Hosted(w.T, w.namespace)
	w.create(postgresql)
	w.startManager()
	w.eventually(vocab.ConditionReady, vocab.ReasonNoBackupYet)
	run := w.runOf(reconciletest.Full, cpo.Full)
	w.create(run)
	eventually(t, func() error {
		if last := w.stanza().Status.LastRun; last == nil || last.Workflow != run.GetName() {
			return fmt.Errorf("last run is %s", reconciletest.JSON(last))
		}
		return nil
	})

	w.installCPO(t)
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonManagedByCPO)
	w.eventuallyEvent(vocab.ReasonManagedByCPO, "")
	before, written := w.everything(), w.certData()

	// The user edits the cluster, and makes another one. The run ends.
	if err := unstructured.SetNestedField(postgresql.Object, "9", "spec", "backup", "pgbackrest", "global", "repo1-retention-full"); err != nil {
		t.Fatal(err)
	}
	reconciletest.SetSchedule(postgresql, cpo.Full, "15 3 * * *")
	w.update(postgresql)
	second := reconciletest.Postgresql(w.T, w.namespace)
	reconciletest.Rename(second, "second")
	w.create(second)
	reconciletest.SetRun(run, reconciletest.Run{Type: cpo.Full, Phase: "Succeeded", Started: w.clock.Now(), Result: stanzaflowv1alpha1.RunSucceeded})
	w.update(run)
	eventually(t, func() error {
		stanza, other := w.stanza(), &stanzaflowv1alpha1.Stanza{}
		if stanza.Status.LastBackup == nil {
			return fmt.Errorf("the status is %s", reconciletest.JSON(stanza.Status))
		}
		err := w.client.Get(w.Context(), w.key("second"), other)
		if err == nil && len(other.Status.Conditions) == 0 {
			err = fmt.Errorf("the Stanza of the second cluster has no status")
		}
		return err
	})
	before["postgresql shop"], before["Workflow "+run.GetName()] = w.json(postgresql), w.json(w.get(object.Workflow, run.GetName()))
	for id, is := range w.everything() {
		if strings.HasPrefix(id, "Stanza ") || id == "postgresql second" {
			delete(before, id)
			continue
		}
		if was, ok := before[id]; ok && was != is {
			t.Errorf("%s was changed:\n%s\n%s", id, was, is)
		} else if !ok {
			t.Errorf("%s was created:\n%s", id, is)
		}
		delete(before, id)
	}
	if len(before) > 0 {
		t.Errorf("gone: %v", before)
	}
	if !bytes.Equal(written[cpo.FileCARoots], w.certData()[cpo.FileCARoots]) {
		t.Error("the certificates have changed")
	}

	w.removeCPO(t)
	w.eventually(vocab.ConditionProgrammed, vocab.ReasonProgrammed)
}

// TestCertificatesOfCPO checks that certificates of ours are renewed while our repo
// host uses them, and that nobody but CPO makes a Secret where there is none.
func TestCertificatesOfCPO(t *testing.T) {
	w := startWorld(t)
	w.makeHost()
	w.installCPO(t)
	w.restart()
	w.settle()
	before, renewal := w.certData(), w.stanza().Status.Certificate.RenewalTime.Time
	w.clock.SetTime(renewal)
	w.settle()
	after := w.certData()
	if bytes.Equal(before[cpo.FileClientCert], after[cpo.FileClientCert]) {
		t.Error("not renewed")
	}
	w.wantTrust(before, after)
	w.wantQuietAfter(t)

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: reconciletest.Cert, Namespace: w.namespace}}
	w.delete(secret)
	w.clock.SetTime(w.clock.Now().Add(61 * day))
	w.restart()
	w.settle()
	if err := w.client.Get(t.Context(), w.key(reconciletest.Cert), secret); !apierrors.IsNotFound(err) {
		t.Errorf("the Secret was made: %v", err)
	}
	// CPO makes its own, without our labels.
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: reconciletest.Cert}, Data: map[string][]byte{cpo.FileCARoots: []byte("theirs")}}
	w.create(theirs)
	w.clock.SetTime(w.clock.Now().Add(61 * day))
	w.settle()
	if is := w.certData(); string(is[cpo.FileCARoots]) != "theirs" || len(is) != 1 {
		t.Error("the Secret of CPO was changed")
	}
}

func (w *world) wantQuietAfter(t *testing.T) {
	t.Helper()
	w.recorder.take()
	w.wantQuiet()
}

func testNewOfCPO(w *world, postgresql *unstructured.Unstructured) {
	w.create(reconciletest.Template(w.namespace))
	w.create(postgresql)
	w.settle()
	w.wantOnlyStanza()
	c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonManagedByCPO)
	for _, part := range []string{
		"CPO is installed", "--mode=alongside", "docs/cpo.md",
		"kubectl annotate postgresql -n " + w.namespace + " shop cpo.opensource.cybertec.at/controller=stanzaflow",
	} {
		if !strings.Contains(c.Message, part) {
			w.Errorf("Programmed does not say %q: %s", part, c.Message)
		}
	}
	w.want(vocab.ConditionReady, "False", vocab.ReasonManagedByCPO)
	w.want(vocab.ConditionBackupHealthy, "Unknown", vocab.ReasonNoSchedule)
	if status := w.stanza().Status; status.Configuration != nil || status.NextRunTime != nil || len(status.Schedules) > 0 {
		w.Errorf("the status has a configuration or schedules: %s", reconciletest.JSON(status))
	}
	if notes := w.recorder.take(); len(notes) == 0 {
		w.Error("no event")
	}
	w.wantQuiet()
}

func testHandedOver(w *world) {
	postgresql := reconciletest.Hosted(w.T, w.namespace)
	w.create(reconciletest.Template(w.namespace))
	w.create(postgresql)
	w.settle()
	w.wantOnlyStanza()
	w.annotate(postgresql, cpo.ControllerStanzaflow)
	w.settle()
	w.want(vocab.ConditionProgrammed, "True", vocab.ReasonProgrammed)
	for kind, name := range map[schema.GroupVersionKind]string{
		object.ConfigMap: reconciletest.ConfigMap, object.StatefulSet: reconciletest.Host, object.Claim: reconciletest.Claim, object.CronWorkflow: reconciletest.Full,
	} {
		w.get(kind, name)
	}
	w.wantPublished()
	w.recorder.take()
	w.wantQuiet()
}

func testOfCPOWithID(w *world) {
	postgresql := reconciletest.Postgresql(w.T, w.namespace)
	postgresql.SetAnnotations(map[string]string{cpo.AnnotationController: "blue"})
	w.setUp(postgresql)
	w.wantOnlyStanza()
	if c := w.want(vocab.ConditionProgrammed, "False", vocab.ReasonManagedByCPO); !strings.Contains(c.Message, `CPO with CONTROLLER_ID "blue"`) || strings.Contains(c.Message, "kubectl annotate") {
		w.Errorf("Programmed says: %s", c.Message)
	}
}

// sampleCluster is the name of the cluster in the samples.
const sampleCluster = "cluster"

// settleSample does more passes over it than it needs.
func (w *world) settleSample() {
	w.Helper()
	for range 5 {
		if _, err := w.controller.Reconcile(w.Context(), ctrl.Request{NamespacedName: w.key(sampleCluster)}); err != nil {
			w.Fatal(err)
		}
	}
}

// createSample creates the objects of a sample, the postgresql first, and does
// something before the others.
func (w *world) createSample(name string, between func()) *unstructured.Unstructured {
	w.Helper()
	w.create(reconciletest.Template(w.namespace))
	postgresql, others := w.sample(name)
	if len(others) < 10 {
		w.Fatalf("%d objects", len(others))
	}
	status := postgresql.Object["status"]
	w.create(postgresql)
	between()
	for _, o := range others {
		w.create(o)
	}
	postgresql.Object["status"] = status
	if err := w.client.Status().Update(w.Context(), postgresql); err != nil {
		w.Fatal(err)
	}
	return postgresql
}

// testObjectsOfCPO has the real objects of CPO, before the first pass or after it.
func testObjectsOfCPO(w *world, sample string, first bool) {
	w.createSample(sample, func() {
		if !first {
			w.settleSample()
		}
	})
	const stanza = "Stanza " + sampleCluster
	before, issued := w.everything(), len(w.issuedSecrets())
	delete(before, stanza)
	w.settleSample()
	after := w.everything()
	if _, ok := after[stanza]; !ok {
		w.Error("there is no Stanza")
	}
	delete(after, stanza)
	w.wantSame(before, after)
	for id := range after {
		if _, ok := before[id]; !ok || strings.HasPrefix(id, "CronWorkflow ") {
			w.Errorf("%s was created", id)
		}
	}
	if len(w.issuedSecrets()) != issued {
		w.Error("certificates were issued")
	}
}

// testHandedOverWithObjects hands a cluster over while the objects of CPO are still
// there. They stay as they are, and the message asks nobody to remove one.
func testHandedOverWithObjects(w *world, sample string) {
	postgresql := w.createSample(sample, func() {})
	w.annotate(postgresql, cpo.ControllerStanzaflow)
	before := w.everything()
	w.settleSample()
	w.wantSame(before, w.everything())
	stanza := &stanzaflowv1alpha1.Stanza{}
	if err := w.client.Get(w.Context(), w.key(sampleCluster), stanza); err != nil {
		w.Fatal(err)
	}
	c := reconciletest.Condition(w.T, stanza.Status, vocab.ConditionProgrammed)
	if c.Reason != string(vocab.ReasonNotOwned) || !strings.Contains(c.Message, "ConfigMap cluster-pgbackrest-config") || !strings.Contains(c.Message, "From CPO to standalone") {
		w.Errorf("Programmed is %s: %s", c.Reason, c.Message)
	}
	for _, advice := range []string{"remove it", "hand it over", "kubectl label"} {
		if strings.Contains(c.Message, advice) {
			w.Errorf("Programmed says %q: %s", advice, c.Message)
		}
	}
}

// wantSame fails the test unless every object that was there is unchanged.
func (w *world) wantSame(before, after map[string]string) {
	w.Helper()
	for id, was := range before {
		switch is, ok := after[id]; {
		case !ok:
			w.Errorf("%s is gone", id)
		case is != was:
			w.Errorf("%s was changed:\n%s\n%s", id, was, is)
		}
	}
}

// sample returns the postgresql of a sample and all other objects, as CPO would send
// them.
func (w *world) sample(name string) (postgresql *unstructured.Unstructured, others []*unstructured.Unstructured) {
	w.Helper()
	files, err := fs.Glob(cpotest.Samples(), name+"/*.yaml")
	if err != nil {
		w.Fatal(err)
	}
	for _, file := range files {
		if base := path.Base(file); base == "events.yaml" || strings.HasPrefix(base, "manifest") {
			continue
		}
		data, err := fs.ReadFile(cpotest.Samples(), file)
		if err != nil {
			w.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(data, &o.Object); err != nil {
			w.Fatal(err)
		}
		for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences"} {
			unstructured.RemoveNestedField(o.Object, "metadata", field)
		}
		if ip, _, _ := unstructured.NestedString(o.Object, "spec", "clusterIP"); ip != corev1.ClusterIPNone {
			unstructured.RemoveNestedField(o.Object, "spec", "clusterIP")
			unstructured.RemoveNestedField(o.Object, "spec", "clusterIPs")
		}
		if o.GetKind() == cpo.GroupVersionKind.Kind {
			postgresql = o
			continue
		}
		others = append(others, o)
	}
	return postgresql, others
}

// everything returns the JSON of all objects in the namespace that CPO or we write.
func (w *world) everything() map[string]string {
	w.Helper()
	all := map[string]string{}
	for _, kind := range []schema.GroupVersionKind{
		cpo.GroupVersionKind, object.Stanza, object.ConfigMap, object.Service, object.Claim, object.StatefulSet, object.Secret, object.CronWorkflow, object.Workflow,
		{Version: "v1", Kind: "Pod"},
		{Group: "batch", Version: "v1", Kind: "CronJob"},
		{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	} {
		objects := object.NewList(kind)
		if err := w.client.List(w.Context(), objects, client.InNamespace(w.namespace)); err != nil {
			w.Fatal(err)
		}
		for i := range objects.Items {
			all[object.ID(&objects.Items[i])] = w.json(&objects.Items[i])
		}
	}
	return all
}

func (w *world) json(o *unstructured.Unstructured) string {
	w.Helper()
	data, err := o.MarshalJSON()
	if err != nil {
		w.Fatal(err)
	}
	return string(data)
}

// wantOnlyStanza fails the test if anything but the Stanza was created.
func (w *world) wantOnlyStanza() {
	w.Helper()
	all := w.everything()
	for _, id := range []string{"postgresql shop", "Stanza shop"} {
		if _, ok := all[id]; !ok {
			w.Errorf("there is no %s", id)
		}
		delete(all, id)
	}
	if len(all) > 0 {
		w.Errorf("these were created: %s", reconciletest.JSON(all))
	}
	if n := len(w.issuedSecrets()); n > 0 {
		w.Errorf("%d Secrets with certificates were created", n)
	}
}

// issuedSecrets are the Secrets in the namespace of the operator for this namespace.
func (w *world) issuedSecrets() []string {
	w.Helper()
	secrets := &corev1.SecretList{}
	if err := w.client.List(w.Context(), secrets, client.InNamespace(operatorNamespace)); err != nil {
		w.Fatal(err)
	}
	var names []string
	for i := range secrets.Items {
		if name := secrets.Items[i].Name; strings.Contains(name, "."+w.namespace+".") {
			names = append(names, name)
		}
	}
	return names
}

func (w *world) annotate(postgresql *unstructured.Unstructured, controller string) {
	w.Helper()
	w.patch(postgresql, "user", fmt.Sprintf(`{"metadata": {"annotations": {%q: %q}}}`, cpo.AnnotationController, controller))
}

func (w *world) setClusterStatus(postgresql *unstructured.Unstructured, word string) {
	w.Helper()
	postgresql.Object["status"] = map[string]any{"PostgresClusterStatus": word}
	if err := w.client.Status().Update(w.Context(), postgresql); err != nil {
		w.Fatal(err)
	}
}

// installCPO serves the kind that only CPO brings.
func (s *server) installCPO(t *testing.T) {
	t.Helper()
	if err := s.client.Create(t.Context(), operatorConfigurationCRD()); err != nil {
		t.Fatal(err)
	}
	s.awaitCPO(t, true)
}

func (s *server) removeCPO(t *testing.T) {
	t.Helper()
	if err := s.client.Delete(t.Context(), operatorConfigurationCRD()); err != nil {
		t.Fatal(err)
	}
	s.awaitCPO(t, false)
}

func (s *server) awaitCPO(t *testing.T, want bool) {
	t.Helper()
	eventually(t, func() error {
		p, err := s.newPresence(t)
		if err == nil && p.last.Load().installed != want {
			err = fmt.Errorf("CPO is installed: %t", !want)
		}
		return err
	})
}

func operatorConfigurationCRD() *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "operatorconfigurations." + cpo.GroupVersionKind.Group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: cpo.GroupVersionKind.Group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "operatorconfigurations", Singular: "operatorconfiguration", Kind: "OperatorConfiguration", ListKind: "OperatorConfigurationList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: cpo.GroupVersionKind.Version, Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", XPreserveUnknownFields: new(true),
				}},
			}},
		},
	}
}
