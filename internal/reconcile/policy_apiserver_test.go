//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestPolicy: what whoever has the operator's token cannot do. That the operator
// itself can do its work is what all other tests here show.
func TestPolicy(t *testing.T) {
	s := startServer(t, argoCRDs(t, "full")...)
	w := s.world(t)
	if err := s.client.Create(t.Context(), certManagerCRD()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := list(t.Context(), s.client, certificateKind, w.namespace, nil)
		return err
	})
	t.Run("cannot enter a pod", func(t *testing.T) { testEntersNoPod(t, w) })
	t.Run("makes what is planned, and nothing else", func(t *testing.T) { testMakesNothingElse(t, w) })
	t.Run("is not stopped by what others add", func(t *testing.T) { testOthersAdd(t, w) })
	t.Run("changes what is its own, and nothing else", func(t *testing.T) { testChangesNothingElse(t, w) })
}

func testEntersNoPod(t *testing.T, w *world) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "shop-0"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerPostgreSQL, Image: "x"}}},
	}
	w.create(pod)
	clients, err := kubernetes.NewForConfig(w.counted())
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"exec?container=postgres&command=pgbackrest&command=version", "exec?command=sh", "attach", "portforward?ports=5432", "proxy", "log", "ephemeralcontainers"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch} {
			path := "/api/v1/namespaces/" + w.namespace + "/pods/shop-0/" + way
			err := clients.CoreV1().RESTClient().Verb(method).RequestURI(path).Do(t.Context()).Error()
			if !apierrors.IsForbidden(err) && !apierrors.IsMethodNotSupported(err) {
				t.Errorf("%s %s: %v", method, path, err)
			}
		}
	}
}

// everything that can be planned for a cluster, the first of each kind.
func everything(t *testing.T, namespace string) map[string]*unstructured.Unstructured {
	t.Helper()
	cluster, _ := cpo.Decode(makeHosted(t, namespace).Object)
	spec := stanzaflowv1alpha1.StanzaSpec{Certificate: stanzaflowv1alpha1.CertificateSpec{IssuerRef: &stanzaflowv1alpha1.IssuerReference{Name: "ours"}}}
	objects, err := planned(translate.Translate(translate.Input{Cluster: cluster, Stanza: spec, TemplateVersion: "x.1"}))
	if err != nil {
		t.Fatal(err)
	}
	stanza := translate.DefaultStanza(cluster)
	first, err := applied(&stanza)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*unstructured.Unstructured{stanzaKind.Kind: first}
	for _, object := range objects {
		if all[object.GetKind()] == nil {
			all[object.GetKind()] = object
		}
	}
	if len(all) != 7 {
		t.Fatalf("there are %d kinds, which cannot be all", len(all))
	}
	return all
}

// edit is one field of an object with another value.
type edit struct {
	fields []string
	value  any
	next   *edit
}

func set(value any, fields ...string) edit { return edit{fields: fields, value: value} }

// and is two edits: the answer names one policy only, whichever comes first.
func (e edit) and(next edit) edit { e.next = &next; return e }

// inPod is a field of the pod of a StatefulSet.
func inPod(value any, fields ...string) edit {
	return set(value, append([]string{fieldSpec, "template", fieldSpec}, fields...)...)
}

// apply an edit. It adds to a list, and goes into the first element of one.
func (e edit) apply(t *testing.T, object map[string]any) {
	t.Helper()
	if e.next != nil {
		e.next.apply(t, object)
	}
	last := len(e.fields) - 1
	for _, field := range e.fields[:last] {
		next, _ := object[field].(map[string]any)
		if list, ok := object[field].([]any); ok {
			next, _ = list[0].(map[string]any)
		}
		if next == nil {
			next = map[string]any{}
			object[field] = next
		}
		object = next
	}
	if list, ok := object[e.fields[last]].([]any); ok {
		object[e.fields[last]] = append(list, e.value)
		return
	}
	object[e.fields[last]] = e.value
}

type object = map[string]any

func testMakesNothingElse(t *testing.T, w *world) {
	for kind, want := range everything(t, w.namespace) {
		if err := w.tryToMake(want); err != nil {
			t.Errorf("the planned %s: %v", kind, err)
		}
	}
	const (
		name       = "with a name like"
		label      = "only objects with the label app.kubernetes.io/managed-by=stanzaflow"
		podLabels  = "the pod must have the label"
		node       = "the pod must not use the network, the processes or the memory of the node"
		token      = "the pod must have the ServiceAccount default"
		root       = "the pod must not run as root"
		privileged = "no container may run as root"
		volumes    = "volumes must be an emptyDir"
		templates  = "there must be no volumeClaimTemplates"
		headless   = "only headless Services"
		claims     = "only claims of new, empty volumes"
		fields     = "only CronWorkflows with workflowTemplateRef, arguments and priority"
		reference  = "only CronWorkflows that refer to a WorkflowTemplate of their namespace"
		secretName = "the Secret must have the name of the Certificate"
		dnsNames   = "the names must be those of Services of the namespace"
	)
	volume := func(source string, value any) edit {
		return inPod(object{"name": "x", source: value}, "volumes")
	}
	hostContainer := func(security object) object {
		return object{"name": "x", "image": "x", "securityContext": security}
	}
	for title, test := range map[string]struct {
		kind schema.GroupVersionKind
		edit edit
		want string
	}{
		"a ConfigMap of another name":           {configMapKind, set("kube-root-ca.crt", fieldMetadata, "name"), name},
		"a Service of another name":             {serviceKind, set("payments", fieldMetadata, "name"), name},
		"a claim of another name":               {claimKind, set("data-shop-0", fieldMetadata, "name"), name},
		"a StatefulSet of another name":         {statefulSetKind, set("miner", fieldMetadata, "name"), name},
		"a CronWorkflow of another name":        {cronWorkflowKind, set("nightly", fieldMetadata, "name"), name},
		"a Certificate of another name":         {certificateKind, set("ingress-tls", fieldMetadata, "name").and(set("ingress-tls", fieldSpec, "secretName")), name},
		"a ConfigMap without the label":         {configMapKind, set(object{}, fieldMetadata, "labels"), label},
		"a Service without the label":           {serviceKind, set(object{}, fieldMetadata, "labels"), label},
		"a claim without the label":             {claimKind, set(object{}, fieldMetadata, "labels"), label},
		"a StatefulSet without the label":       {statefulSetKind, set(object{}, fieldMetadata, "labels"), label},
		"a CronWorkflow without the label":      {cronWorkflowKind, set(object{}, fieldMetadata, "labels"), label},
		"a Certificate without the label":       {certificateKind, set(object{}, fieldMetadata, "labels"), label},
		"a Stanza without the label":            {stanzaKind, set(object{}, fieldMetadata, "labels"), label},
		"a Stanza with the label of another":    {stanzaKind, set("somebody", fieldMetadata, "labels", vocab.LabelManagedBy), label},
		"a pod that says it is the primary":     {statefulSetKind, set("master", fieldSpec, "template", fieldMetadata, "labels", cpo.LabelRole), podLabels},
		"a pod with the network of the node":    {statefulSetKind, inPod(true, "hostNetwork"), node},
		"a pod with the processes of the node":  {statefulSetKind, inPod(true, "hostPID"), node},
		"a pod with the memory of the node":     {statefulSetKind, inPod(true, "hostIPC"), node},
		"a pod with a token":                    {statefulSetKind, inPod(true, "automountServiceAccountToken"), token},
		"a pod that acts as the runner":         {statefulSetKind, inPod("pgbackrest-runner", "serviceAccountName"), token},
		"a pod that may be root":                {statefulSetKind, inPod(false, "securityContext", "runAsNonRoot"), root},
		"a container that may be root":          {statefulSetKind, inPod(false, "containers", "securityContext", "runAsNonRoot"), privileged},
		"a container that is root":              {statefulSetKind, inPod(int64(0), "containers", "securityContext", "runAsUser"), privileged},
		"a container that may gain privileges":  {statefulSetKind, inPod(true, "containers", "securityContext", "allowPrivilegeEscalation"), privileged},
		"a container with a capability":         {statefulSetKind, inPod([]any{"SYS_ADMIN"}, "containers", "securityContext", "capabilities", "add"), privileged},
		"a container with a port of the node":   {statefulSetKind, inPod(object{"containerPort": int64(1), "hostPort": int64(1)}, "containers", "ports"), privileged},
		"a second container with privileges":    {statefulSetKind, inPod(hostContainer(object{"privileged": true}), "containers"), privileged},
		"a second container without a word":     {statefulSetKind, inPod(object{"name": "x", "image": "x"}, "containers"), privileged},
		"a first container with privileges":     {statefulSetKind, inPod([]any{hostContainer(object{"privileged": true})}, "initContainers"), privileged},
		"a volume of the node":                  {statefulSetKind, volume("hostPath", object{"path": "/"}), volumes},
		"a volume of a network":                 {statefulSetKind, volume("nfs", object{"server": "x", "path": "/"}), volumes},
		"a Secret as it is":                     {statefulSetKind, volume("secret", object{"secretName": "x"}), volumes},
		"the data of PostgreSQL":                {statefulSetKind, volume("persistentVolumeClaim", object{"claimName": "pgdata-shop-0"}), volumes},
		"a projected token":                     {statefulSetKind, volume("projected", object{"sources": []any{object{"serviceAccountToken": object{"path": "x"}}}}), volumes},
		"a volume by a driver":                  {statefulSetKind, volume("csi", object{"driver": "x"}), volumes},
		"a template of claims":                  {statefulSetKind, set([]any{claimTemplate()}, fieldSpec, "volumeClaimTemplates"), templates},
		"a Service with an address":             {serviceKind, set("", fieldSpec, "clusterIP"), headless},
		"a Service with addresses of others":    {serviceKind, set([]any{"192.0.2.1"}, fieldSpec, "externalIPs"), headless},
		"a copy of a claim":                     {claimKind, set(object{"kind": "PersistentVolumeClaim", "name": "pgdata-shop-0"}, fieldSpec, "dataSource"), claims},
		"a claim on a volume that is there":     {claimKind, set("pv-1", fieldSpec, "volumeName"), claims},
		"a schedule with steps of its own":      {cronWorkflowKind, set([]any{object{"name": "x"}}, fieldSpec, "workflowSpec", "templates"), fields},
		"a schedule of another ServiceAccount":  {cronWorkflowKind, set("default", fieldSpec, "workflowSpec", "serviceAccountName"), fields},
		"a schedule that patches its pods":      {cronWorkflowKind, set("{}", fieldSpec, "workflowSpec", "podSpecPatch"), fields},
		"a schedule of a ClusterWorkflow":       {cronWorkflowKind, set(true, fieldSpec, "workflowSpec", "workflowTemplateRef", "clusterScope"), reference},
		"a schedule of nothing":                 {cronWorkflowKind, set(object{}, fieldSpec, "workflowSpec"), reference},
		"a Certificate in another Secret":       {certificateKind, set("ingress-tls", fieldSpec, "secretName"), secretName},
		"a Certificate for another host":        {certificateKind, set("bank.example.com", fieldSpec, "dnsNames"), dnsNames},
		"a Certificate for another namespace":   {certificateKind, set("api.kube-system.svc", fieldSpec, "dnsNames"), dnsNames},
		"a Certificate of a certificate issuer": {certificateKind, set(true, fieldSpec, "isCA"), dnsNames},
	} {
		t.Run(title, func(t *testing.T) {
			want := everything(t, w.namespace)[test.kind.Kind]
			test.edit.apply(t, want.Object)
			wantRefused(t, w.tryToMake(want), test.want)
		})
	}
}

func claimTemplate() object {
	return object{fieldMetadata: object{"name": "x"}, fieldSpec: object{
		"accessModes": []any{"ReadWriteOnce"}, "resources": object{"requests": object{"storage": "1Gi"}},
	}}
}

// tryToMake creates an object as the operator, and leaves nothing.
func (w *world) tryToMake(want *unstructured.Unstructured) error {
	return w.controller.client.Create(w.Context(), want.DeepCopy(), client.DryRunAll)
}

// wantRefused: by a policy, with these words.
func wantRefused(t *testing.T, err error, words string) {
	t.Helper()
	if !apierrors.IsForbidden(err) || !strings.Contains(fmt.Sprint(err), "ValidatingAdmissionPolicy 'stanzaflow-") || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want refused with %q", err, words)
	}
}

// testOthersAdd: a sidecar, a volume and a ServiceAccount that somebody has added
// to the repo host stay there through an update, and the operator adds no more.
func testOthersAdd(t *testing.T, w *world) {
	host := everything(t, w.namespace)[statefulSetKind.Kind]
	host.SetName("theirs-pgbackrest-repo-host")
	for _, e := range []edit{
		inPod(object{"name": "sidecar", "image": "x"}, "containers"),
		inPod(object{"name": "node", "hostPath": object{"path": "/var/log"}}, "volumes"),
		inPod("cloud", "serviceAccountName"),
	} {
		e.apply(t, host.Object)
	}
	w.create(host)
	there := w.get(statefulSetKind, host.GetName())
	for title, test := range map[string]struct {
		edit edit
		want string
	}{
		"another image":          {inPod("registry.example.com/pgbackrest:18", "containers", "image"), ""},
		"another sidecar":        {inPod(object{"name": "x", "image": "x"}, "containers"), "no container may run as root"},
		"another volume":         {inPod(object{"name": "x", "hostPath": object{"path": "/"}}, "volumes"), "volumes must be an emptyDir"},
		"another ServiceAccount": {inPod("pgbackrest-runner", "serviceAccountName"), "the pod must have the ServiceAccount default"},
	} {
		t.Run(title, func(t *testing.T) {
			after := there.DeepCopy()
			test.edit.apply(t, after.Object)
			err := w.controller.client.Patch(t.Context(), after, client.MergeFrom(there), client.DryRunAll)
			if test.want != "" {
				wantRefused(t, err, test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// testChangesNothingElse: objects of the names that the operator uses, made by
// somebody else.
func testChangesNothingElse(t *testing.T, w *world) {
	const label = "objects that have the label app.kubernetes.io/managed-by=stanzaflow"
	operator := w.controller.client
	take := client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": {"`+vocab.LabelManagedBy+`": "`+vocab.ManagedBy+`"}}}`))
	for kind, theirs := range everything(t, w.namespace) {
		t.Run(kind, func(t *testing.T) {
			theirs.SetLabels(nil)
			w.create(theirs)
			if kind != stanzaKind.Kind {
				// The answer to a patch that changes nothing is the object.
				for _, body := range []client.Patch{take, client.RawPatch(types.MergePatchType, []byte("{}"))} {
					wantRefused(t, operator.Patch(t.Context(), theirs.DeepCopy(), body, client.DryRunAll), "")
				}
				wantRefused(t, operator.Patch(t.Context(), theirs.DeepCopy(), take), label)
			}
			if kind == stanzaKind.Kind || kind == cronWorkflowKind.Kind {
				wantRefused(t, operator.Delete(t.Context(), theirs.DeepCopy()), label)
			}
			w.wantUntouched(theirs)

			// With the label it is the operator's, and keeps it.
			if err := w.client.Patch(t.Context(), theirs, take); err != nil {
				t.Fatal(err)
			}
			if kind == stanzaKind.Kind {
				return
			}
			if err := operator.Patch(t.Context(), theirs.DeepCopy(), take, client.DryRunAll); err != nil {
				t.Errorf("its own: %v", err)
			}
			leave := client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": null}}`))
			wantRefused(t, operator.Patch(t.Context(), theirs.DeepCopy(), leave, client.DryRunAll), "only objects with the label")
		})
	}
}
