//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestPolicyAlongside checks what a holder of the operator's token cannot do beside
// CPO, with the rights of deploy/overlays/alongside.
func TestPolicyAlongside(t *testing.T) {
	s := startBareServer(t, argoCRDs(t, "minimal")...)
	s.grant(t, "alongside")
	w := s.world(t)
	t.Run("has the rights that it needs, and no others", func(t *testing.T) { testRightsAlongside(t, s) })
	t.Run("suspends and resumes a CronJob of CPO, and changes nothing else of it", func(t *testing.T) { testOnlySuspends(t, w) })
	t.Run("leaves the CronJobs of others alone", func(t *testing.T) { testOtherCronJobs(t, w) })
	t.Run("neither creates nor deletes a CronJob, whatever rights somebody adds", func(t *testing.T) { testMakesNoCronJob(t, w) })
}

func testRightsAlongside(t *testing.T, s *server) {
	const cpoGroup, argo, ours = "cpo.opensource.cybertec.at", "argoproj.io", "stanzaflow.dev"
	reads := []string{"get", "list", "watch"}
	all := []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
	for _, right := range []struct {
		group, resource, subresource string
		may                          []string
	}{
		{cpoGroup, "postgresqls", "", reads},
		{cpoGroup, "postgresqls", "status", nil},
		{cpoGroup, "operatorconfigurations", "", []string{"get", "list"}},
		{"batch", "cronjobs", "", slices.Concat(reads, []string{"patch"})},
		{"batch", "cronjobs", "status", nil},
		{"batch", "jobs", "", nil},
		{argo, "cronworkflows", "", slices.Concat(reads, []string{"create", "patch", "delete"})},
		{argo, "workflows", "", slices.Concat(reads, []string{"create", "patch"})},
		{argo, "workflowtemplates", "", reads},
		{ours, "stanzas", "", slices.Concat(reads, []string{"create", "delete"})},
		{ours, "stanzas", "status", []string{"update"}},
		{"events.k8s.io", "events", "", []string{"create", "patch"}},
		{"", "configmaps", "", slices.Concat(reads, []string{"create", "patch"})},
		{"", "secrets", "", nil},
		{"", "services", "", nil},
		{"", "persistentvolumeclaims", "", nil},
		{"", "pods", "", []string{"list", "watch"}},
		{"", "pods", "exec", nil},
		{"", "serviceaccounts", "token", nil},
		{"apps", "statefulsets", "", reads},
		{"apps", "deployments", "", reads},
		{"cert-manager.io", "certificates", "", nil},
		{"rbac.authorization.k8s.io", "rolebindings", "", nil},
		{"admissionregistration.k8s.io", "validatingadmissionpolicies", "", nil},
	} {
		for _, verb := range all {
			for _, namespace := range []string{"default", operatorNamespace} {
				attributes := authorizationv1.ResourceAttributes{
					Namespace: namespace, Verb: verb, Group: right.group, Resource: right.resource, Subresource: right.subresource, Version: "*",
				}
				want := slices.Contains(right.may, verb)
				if got := s.operatorMay(t, attributes); got != want {
					t.Errorf("the operator may %s %s/%s/%s in %s: %t, want %t", verb, right.group, right.resource, right.subresource, namespace, got, want)
				}
			}
		}
	}
	lease := authorizationv1.ResourceAttributes{Namespace: operatorNamespace, Verb: "update", Group: "coordination.k8s.io", Resource: "leases"}
	if !s.operatorMay(t, lease) {
		t.Error("the operator may not write its lease")
	}
	for _, name := range append(vocab.Policies(vocab.ProvisionedByCPO), "stanzaflow-secrets") {
		policy := authorizationv1.ResourceAttributes{Verb: "get", Group: "admissionregistration.k8s.io", Resource: "validatingadmissionpolicies", Name: name}
		if got := s.operatorMay(t, policy); got != (name != "stanzaflow-secrets") {
			t.Errorf("the operator may get the policy %s: %t", name, got)
		}
	}
}

// operatorMay asks the API server what the operator may do.
func (s *server) operatorMay(t *testing.T, attributes authorizationv1.ResourceAttributes) bool {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: operatorUser, Groups: []string{"system:authenticated", "system:serviceaccounts"}, ResourceAttributes: &attributes,
	}}
	if err := s.client.Create(t.Context(), review); err != nil {
		t.Fatal(err)
	}
	return review.Status.Allowed
}

// cronJobOfCPO creates a CronJob as CPO does.
func (w *world) cronJobOfCPO(t *testing.T, name string) *batchv1.CronJob {
	t.Helper()
	cronJob := &batchv1.CronJob{}
	cpotest.Decode(t, "s3/cronjob-pgbackrest-cluster-repo1-full.yaml", cronJob)
	cronJob.ObjectMeta = metav1.ObjectMeta{Name: name, Namespace: w.namespace, Labels: cronJob.Labels, Annotations: map[string]string{"theirs": "x"}}
	if err := w.client.Create(t.Context(), cronJob, client.FieldOwner("postgres-operator")); err != nil {
		t.Fatal(err)
	}
	return cronJob
}

func testOnlySuspends(t *testing.T, w *world) {
	cronJob := w.cronJobOfCPO(t, "pgbackrest-cluster-repo1-full")
	const fields, metadata = "only these fields of the spec of a CronJob: suspend, startingDeadlineSeconds", "no label, annotation, finalizer or owner of a CronJob"
	for title, test := range map[string]struct{ patch, want string }{
		"suspends":                       {`[{"op": "test", "path": "/metadata/uid", "value": "` + string(cronJob.UID) + `"}, {"op": "test", "path": "/spec/suspend", "value": false}, {"op": "replace", "path": "/spec/suspend", "value": true}]`, ""},
		"sets a deadline":                {`[{"op": "add", "path": "/spec/startingDeadlineSeconds", "value": 30}]`, ""},
		"another schedule":               {`[{"op": "replace", "path": "/spec/schedule", "value": "* * * * *"}]`, fields},
		"a time zone":                    {`[{"op": "add", "path": "/spec/timeZone", "value": "Etc/UTC"}]`, fields},
		"runs that overlap":              {`[{"op": "replace", "path": "/spec/concurrencyPolicy", "value": "Allow"}]`, fields},
		"another history":                {`[{"op": "replace", "path": "/spec/successfulJobsHistoryLimit", "value": 0}]`, fields},
		"another history of failed Jobs": {`[{"op": "replace", "path": "/spec/failedJobsHistoryLimit", "value": 0}]`, fields},
		"another image":                  {`[{"op": "replace", "path": "/spec/jobTemplate/spec/template/spec/containers/0/image", "value": "miner"}]`, fields},
		"another ServiceAccount":         {`[{"op": "replace", "path": "/spec/jobTemplate/spec/template/spec/serviceAccountName", "value": "admin"}]`, fields},
		"a label for its Jobs":           {`[{"op": "add", "path": "/spec/jobTemplate/metadata/labels", "value": {"a": "b"}}]`, fields},
		"a Job that ends by itself":      {`[{"op": "add", "path": "/spec/jobTemplate/spec/activeDeadlineSeconds", "value": 1}]`, fields},
		"suspends, and another image":    {`[{"op": "replace", "path": "/spec/suspend", "value": true}, {"op": "replace", "path": "/spec/jobTemplate/spec/template/spec/containers/0/image", "value": "miner"}]`, fields},
		"a label":                        {`[{"op": "add", "path": "/metadata/labels/mine", "value": "x"}]`, metadata},
		"without its labels":             {`[{"op": "remove", "path": "/metadata/labels"}]`, metadata},
		"an annotation":                  {`[{"op": "add", "path": "/metadata/annotations/mine", "value": "x"}]`, metadata},
		"without an annotation":          {`[{"op": "remove", "path": "/metadata/annotations"}]`, metadata},
		"a finalizer":                    {`[{"op": "add", "path": "/metadata/finalizers", "value": ["stanzaflow.dev/x"]}]`, metadata},
		"an owner":                       {`[{"op": "add", "path": "/metadata/ownerReferences", "value": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}]}]`, metadata},
	} {
		t.Run(title, func(t *testing.T) {
			err := w.controller.client.Patch(t.Context(), cronJob.DeepCopy(), client.RawPatch(types.JSONPatchType, []byte(test.patch)), client.DryRunAll)
			if test.want != "" {
				wantRefused(t, err, test.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	suspend := client.RawPatch(types.JSONPatchType, []byte(`[{"op": "replace", "path": "/spec/suspend", "value": true}]`))
	if err := w.controller.client.Patch(t.Context(), cronJob, suspend, client.FieldOwner(vocab.FieldManager)); err != nil {
		t.Fatal(err)
	}
	if decoded := cpo.DecodeCronJob(cronJob); !decoded.Suspended || decoded.SuspendManager != vocab.FieldManager {
		t.Errorf("after the patch the CronJob is %+v", decoded)
	}
	resume := client.RawPatch(types.JSONPatchType, []byte(`[{"op": "add", "path": "/spec/startingDeadlineSeconds", "value": 60}, {"op": "replace", "path": "/spec/suspend", "value": false}]`))
	if err := w.controller.client.Patch(t.Context(), cronJob, resume, client.FieldOwner(vocab.FieldManager)); err != nil {
		t.Fatal(err)
	}
	// CPO itself is not limited.
	cronJob.Spec.Schedule = "1 2 * * *"
	if err := w.client.Update(t.Context(), cronJob, client.FieldOwner("postgres-operator")); err != nil {
		t.Errorf("CPO cannot write its CronJob: %v", err)
	}
}

func testOtherCronJobs(t *testing.T, w *world) {
	suspend := client.RawPatch(types.JSONPatchType, []byte(`[{"op": "replace", "path": "/spec/suspend", "value": true}]`))
	for title, labels := range map[string]map[string]string{
		"without a label":                {},
		"with a label of another member": {cpo.LabelMemberType: cpo.MemberPostgreSQL},
		"with our own label":             object.Labels("cluster"),
	} {
		t.Run(title, func(t *testing.T) {
			theirs := w.cronJobOfCPO(t, fmt.Sprintf("theirs-%d", len(labels)))
			theirs.Labels = labels
			w.update(theirs)
			for _, body := range []client.Patch{
				suspend, client.RawPatch(types.MergePatchType, []byte(`{}`)),
				client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": {"`+cpo.LabelMemberType+`": "`+cpo.MemberBackupJob+`"}}}`)),
			} {
				wantRefused(t, w.controller.client.Patch(t.Context(), theirs.DeepCopy(), body, client.DryRunAll), "")
			}
			wantRefused(t, w.controller.client.Patch(t.Context(), theirs.DeepCopy(), suspend), "only CronJobs with the label")
			w.delete(theirs)
		})
	}
}

func testMakesNoCronJob(t *testing.T, w *world) {
	cronJob := w.cronJobOfCPO(t, "theirs")
	for _, o := range []client.Object{
		&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": map[string]any{"name": "too-much"},
			"rules": []any{map[string]any{"apiGroups": []any{"batch"}, "resources": []any{"cronjobs", "cronjobs/status"}, "verbs": []any{"*"}}},
		}},
		&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": map[string]any{"name": "too-much"},
			"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "too-much"},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": "stanzaflow", "namespace": operatorNamespace}},
		}},
	} {
		w.create(o)
	}
	operator := w.controller.client
	const want = "neither create nor delete a CronJob"
	eventually(t, func() error {
		if may := w.operatorMay(t, authorizationv1.ResourceAttributes{Namespace: w.namespace, Verb: "delete", Group: "batch", Resource: "cronjobs"}); !may {
			return fmt.Errorf("the right is not in force")
		}
		return nil
	})
	wantRefused(t, operator.Delete(t.Context(), cronJob.DeepCopy()), want)
	fresh := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "ours", Labels: cronJob.Labels}, Spec: *cronJob.Spec.DeepCopy()}
	wantRefused(t, operator.Create(t.Context(), fresh, client.DryRunAll), want)
	started := cronJob.DeepCopy()
	started.Status.LastScheduleTime = &metav1.Time{Time: started.CreationTimestamp.Time}
	wantRefused(t, operator.Status().Update(t.Context(), started), want)
	err := operator.DeleteAllOf(t.Context(), &batchv1.CronJob{}, client.InNamespace(w.namespace))
	if !apierrors.IsForbidden(err) {
		t.Errorf("deletes all CronJobs: %v", err)
	}
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(cronJob), cronJob); err != nil {
		t.Errorf("the CronJob is gone: %v", err)
	}
}
