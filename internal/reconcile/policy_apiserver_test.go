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
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestPolicy checks what a holder of the operator's token cannot do. All other tests
// here show that the operator can do its work.
func TestPolicy(t *testing.T) {
	s := startServer(t, argoCRDs(t, "full")...)
	w := s.world(t)
	if err := s.client.Create(t.Context(), certManagerCRD()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := object.List(t.Context(), s.client, object.Certificate, w.namespace, nil)
		return err
	})
	t.Run("cannot enter a pod", func(t *testing.T) { testEntersNoPod(t, w) })
	t.Run("makes what is planned, and nothing else", func(t *testing.T) { testMakesNothingElse(t, w) })
	t.Run("is not stopped by what others add", func(t *testing.T) { testOthersAdd(t, w) })
	t.Run("changes what is its own, and nothing else", func(t *testing.T) { testChangesNothingElse(t, w) })
	t.Run("starts what is planned, and nothing else", func(t *testing.T) { testStartsNothingElse(t, w) })
	t.Run("touches a run, and changes nothing else of it", func(t *testing.T) { testOnlyTouches(t, w) })
	t.Run("shows a run, and in its own words only", func(t *testing.T) { testOnlyShows(t, w) })
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

// everything returns the first object of each kind that can be planned.
func everything(t *testing.T, namespace string) map[string]*unstructured.Unstructured {
	t.Helper()
	state := object.State{
		Postgresql: reconciletest.Hosted(t, namespace),
		Stanza: &stanzaflowv1alpha1.Stanza{Spec: stanzaflowv1alpha1.StanzaSpec{
			Certificate: stanzaflowv1alpha1.CertificateSpec{IssuerRef: &stanzaflowv1alpha1.IssuerReference{Name: "ours"}},
		}},
		Template: object.Template{Version: "x.1"},
	}
	stanza := translate.DefaultStanza(cpo.Postgresql{Namespace: namespace, Name: reconciletest.Cluster})
	first, err := manifest.Object(&stanza)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*unstructured.Unstructured{object.Stanza.Kind: {Object: first}}
	for _, o := range reconciletest.Planned(t, state).Objects() {
		if all[o.GetKind()] == nil {
			all[o.GetKind()] = o
		}
	}
	if len(all) != 7 {
		t.Fatalf("there are %d kinds, which cannot be all", len(all))
	}
	return all
}

// edit gives one field of an object another value.
type edit struct {
	fields []string
	value  any
	next   *edit
}

func set(value any, fields ...string) edit { return edit{fields: fields, value: value} }

// and joins two edits. The answer names only one policy, whichever comes first.
func (e edit) and(next edit) edit { e.next = &next; return e }

// inPod is a field of the pod of a StatefulSet.
func inPod(value any, fields ...string) edit {
	return set(value, append([]string{object.FieldSpec, "template", object.FieldSpec}, fields...)...)
}

// apply makes an edit. It adds to a list, and descends into its first element.
func (e edit) apply(t *testing.T, o map[string]any) {
	t.Helper()
	if e.next != nil {
		e.next.apply(t, o)
	}
	last := len(e.fields) - 1
	for _, field := range e.fields[:last] {
		next, _ := o[field].(map[string]any)
		if list, ok := o[field].([]any); ok {
			next, _ = list[0].(map[string]any)
		}
		if next == nil {
			next = map[string]any{}
			o[field] = next
		}
		o = next
	}
	if list, ok := o[e.fields[last]].([]any); ok {
		o[e.fields[last]] = append(list, e.value)
		return
	}
	o[e.fields[last]] = e.value
}

// part is a shorthand of the tables.
type part = map[string]any

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
		fields     = "only CronWorkflows with workflowTemplateRef, arguments, priority and the entrypoint backup-dag or backup-compact"
		reference  = "only CronWorkflows that refer to a WorkflowTemplate of their namespace"
		secretName = "the Secret must have the name of the Certificate"
		dnsNames   = "the names must be those of Services of the namespace"
	)
	volume := func(source string, value any) edit {
		return inPod(part{"name": "x", source: value}, "volumes")
	}
	hostContainer := func(security part) part {
		return part{"name": "x", "image": "x", "securityContext": security}
	}
	for title, test := range map[string]struct {
		kind schema.GroupVersionKind
		edit edit
		want string
	}{
		"a ConfigMap of another name":           {object.ConfigMap, set("kube-root-ca.crt", object.FieldMetadata, "name"), name},
		"a Service of another name":             {object.Service, set("payments", object.FieldMetadata, "name"), name},
		"a claim of another name":               {object.Claim, set("data-shop-0", object.FieldMetadata, "name"), name},
		"a StatefulSet of another name":         {object.StatefulSet, set("miner", object.FieldMetadata, "name"), name},
		"a CronWorkflow of another name":        {object.CronWorkflow, set("nightly", object.FieldMetadata, "name"), name},
		"a Certificate of another name":         {object.Certificate, set("ingress-tls", object.FieldMetadata, "name").and(set("ingress-tls", object.FieldSpec, "secretName")), name},
		"a ConfigMap without the label":         {object.ConfigMap, set(part{}, object.FieldMetadata, "labels"), label},
		"a Service without the label":           {object.Service, set(part{}, object.FieldMetadata, "labels"), label},
		"a claim without the label":             {object.Claim, set(part{}, object.FieldMetadata, "labels"), label},
		"a StatefulSet without the label":       {object.StatefulSet, set(part{}, object.FieldMetadata, "labels"), label},
		"a CronWorkflow without the label":      {object.CronWorkflow, set(part{}, object.FieldMetadata, "labels"), label},
		"a Certificate without the label":       {object.Certificate, set(part{}, object.FieldMetadata, "labels"), label},
		"a Stanza without the label":            {object.Stanza, set(part{}, object.FieldMetadata, "labels"), label},
		"a Stanza with the label of another":    {object.Stanza, set("somebody", object.FieldMetadata, "labels", vocab.LabelManagedBy), label},
		"a pod that says it is the primary":     {object.StatefulSet, set("master", object.FieldSpec, "template", object.FieldMetadata, "labels", cpo.LabelRole), podLabels},
		"a pod with the network of the node":    {object.StatefulSet, inPod(true, "hostNetwork"), node},
		"a pod with the processes of the node":  {object.StatefulSet, inPod(true, "hostPID"), node},
		"a pod with the memory of the node":     {object.StatefulSet, inPod(true, "hostIPC"), node},
		"a pod with a token":                    {object.StatefulSet, inPod(true, "automountServiceAccountToken"), token},
		"a pod that acts as the runner":         {object.StatefulSet, inPod("pgbackrest-runner", "serviceAccountName"), token},
		"a pod that may be root":                {object.StatefulSet, inPod(false, "securityContext", "runAsNonRoot"), root},
		"a container that may be root":          {object.StatefulSet, inPod(false, "containers", "securityContext", "runAsNonRoot"), privileged},
		"a container that is root":              {object.StatefulSet, inPod(int64(0), "containers", "securityContext", "runAsUser"), privileged},
		"a container that may gain privileges":  {object.StatefulSet, inPod(true, "containers", "securityContext", "allowPrivilegeEscalation"), privileged},
		"a container with a capability":         {object.StatefulSet, inPod([]any{"SYS_ADMIN"}, "containers", "securityContext", "capabilities", "add"), privileged},
		"a container with a port of the node":   {object.StatefulSet, inPod(part{"containerPort": int64(1), "hostPort": int64(1)}, "containers", "ports"), privileged},
		"a second container with privileges":    {object.StatefulSet, inPod(hostContainer(part{"privileged": true}), "containers"), privileged},
		"a second container without a word":     {object.StatefulSet, inPod(part{"name": "x", "image": "x"}, "containers"), privileged},
		"a first container with privileges":     {object.StatefulSet, inPod([]any{hostContainer(part{"privileged": true})}, "initContainers"), privileged},
		"a volume of the node":                  {object.StatefulSet, volume("hostPath", part{"path": "/"}), volumes},
		"a volume of a network":                 {object.StatefulSet, volume("nfs", part{"server": "x", "path": "/"}), volumes},
		"a Secret as it is":                     {object.StatefulSet, volume("secret", part{"secretName": "x"}), volumes},
		"the data of PostgreSQL":                {object.StatefulSet, volume("persistentVolumeClaim", part{"claimName": "pgdata-shop-0"}), volumes},
		"a projected token":                     {object.StatefulSet, volume("projected", part{"sources": []any{part{"serviceAccountToken": part{"path": "x"}}}}), volumes},
		"a volume by a driver":                  {object.StatefulSet, volume("csi", part{"driver": "x"}), volumes},
		"a template of claims":                  {object.StatefulSet, set([]any{claimTemplate()}, object.FieldSpec, "volumeClaimTemplates"), templates},
		"a Service with an address":             {object.Service, set("", object.FieldSpec, "clusterIP"), headless},
		"a Service with addresses of others":    {object.Service, set([]any{"192.0.2.1"}, object.FieldSpec, "externalIPs"), headless},
		"a copy of a claim":                     {object.Claim, set(part{"kind": "PersistentVolumeClaim", "name": "pgdata-shop-0"}, object.FieldSpec, "dataSource"), claims},
		"a claim on a volume that is there":     {object.Claim, set("pv-1", object.FieldSpec, "volumeName"), claims},
		"a schedule with steps of its own":      {object.CronWorkflow, set([]any{part{"name": "x"}}, object.FieldSpec, "workflowSpec", "templates"), fields},
		"a schedule of another entrypoint":      {object.CronWorkflow, set("backup", object.FieldSpec, "workflowSpec", "entrypoint"), fields},
		"a schedule of another ServiceAccount":  {object.CronWorkflow, set("default", object.FieldSpec, "workflowSpec", "serviceAccountName"), fields},
		"a schedule that patches its pods":      {object.CronWorkflow, set("{}", object.FieldSpec, "workflowSpec", "podSpecPatch"), fields},
		"a schedule of a ClusterWorkflow":       {object.CronWorkflow, set(true, object.FieldSpec, "workflowSpec", "workflowTemplateRef", "clusterScope"), reference},
		"a schedule of nothing":                 {object.CronWorkflow, set(part{}, object.FieldSpec, "workflowSpec"), reference},
		"a Certificate in another Secret":       {object.Certificate, set("ingress-tls", object.FieldSpec, "secretName"), secretName},
		"a Certificate for another host":        {object.Certificate, set("bank.example.com", object.FieldSpec, "dnsNames"), dnsNames},
		"a Certificate for another namespace":   {object.Certificate, set("api.kube-system.svc", object.FieldSpec, "dnsNames"), dnsNames},
		"a Certificate of a certificate issuer": {object.Certificate, set(true, object.FieldSpec, "isCA"), dnsNames},
	} {
		t.Run(title, func(t *testing.T) {
			want := everything(t, w.namespace)[test.kind.Kind]
			test.edit.apply(t, want.Object)
			wantRefused(t, w.tryToMake(want), test.want)
		})
	}
}

func claimTemplate() part {
	return part{object.FieldMetadata: part{"name": "x"}, object.FieldSpec: part{
		"accessModes": []any{"ReadWriteOnce"}, "resources": part{"requests": part{"storage": "1Gi"}},
	}}
}

// tryToMake creates an object as the operator, as a dry run.
func (w *world) tryToMake(want *unstructured.Unstructured) error {
	return w.controller.client.Create(w.Context(), want.DeepCopy(), client.DryRunAll)
}

// wantRefused fails the test unless a policy refused with these words.
func wantRefused(t *testing.T, err error, words string) {
	t.Helper()
	if !apierrors.IsForbidden(err) || !strings.Contains(fmt.Sprint(err), "ValidatingAdmissionPolicy 'stanzaflow-") || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want refused with %q", err, words)
	}
}

// testOthersAdd checks that a sidecar, a volume and a ServiceAccount that another
// owner added to the repo host survive an update, and that the operator can add no
// more.
func testOthersAdd(t *testing.T, w *world) {
	host := everything(t, w.namespace)[object.StatefulSet.Kind]
	host.SetName("theirs-pgbackrest-repo-host")
	for _, e := range []edit{
		inPod(part{"name": "sidecar", "image": "x"}, "containers"),
		inPod(part{"name": "node", "hostPath": part{"path": "/var/log"}}, "volumes"),
		inPod("cloud", "serviceAccountName"),
	} {
		e.apply(t, host.Object)
	}
	w.create(host)
	there := w.get(object.StatefulSet, host.GetName())
	for title, test := range map[string]struct {
		edit edit
		want string
	}{
		"another image":          {inPod("registry.example.com/pgbackrest:18", "containers", "image"), ""},
		"another sidecar":        {inPod(part{"name": "x", "image": "x"}, "containers"), "no container may run as root"},
		"another volume":         {inPod(part{"name": "x", "hostPath": part{"path": "/"}}, "volumes"), "volumes must be an emptyDir"},
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

// testChangesNothingElse has objects with the names that the operator uses, created
// by another owner.
func testChangesNothingElse(t *testing.T, w *world) {
	const label = "objects that have the label app.kubernetes.io/managed-by=stanzaflow"
	operator := w.controller.client
	take := client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": {"`+vocab.LabelManagedBy+`": "`+vocab.ManagedBy+`"}}}`))
	for kind, theirs := range everything(t, w.namespace) {
		t.Run(kind, func(t *testing.T) {
			theirs.SetLabels(nil)
			w.create(theirs)
			if kind != object.Stanza.Kind {
				// The answer to a patch that changes nothing is the object.
				for _, body := range []client.Patch{take, client.RawPatch(types.MergePatchType, []byte("{}"))} {
					wantRefused(t, operator.Patch(t.Context(), theirs.DeepCopy(), body, client.DryRunAll), "")
				}
				wantRefused(t, operator.Patch(t.Context(), theirs.DeepCopy(), take), label)
			}
			if kind == object.Stanza.Kind || kind == object.CronWorkflow.Kind {
				wantRefused(t, operator.Delete(t.Context(), theirs.DeepCopy()), label)
			}
			w.wantUntouched(theirs)

			// With the label it is the operator's, and keeps it.
			if err := w.client.Patch(t.Context(), theirs, take); err != nil {
				t.Fatal(err)
			}
			if kind == object.Stanza.Kind {
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
