//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestSite checks that namespaces with a quota, a LimitRange and NetworkPolicies
// accept our objects. Nothing enforces a NetworkPolicy here: the test compares it
// with the API server's validation and the labels of the pods.
func TestSite(t *testing.T) {
	s := startServer(t)
	pods := map[string]corev1.PodTemplateSpec{
		"operator":  operatorPod(t),
		"repo host": repoHostPod(t),
		"run":       runPod(t, true),
	}
	t.Run("quota", func(t *testing.T) { testQuota(t, s, pods) })
	t.Run("network policies", func(t *testing.T) { testNetworkPolicies(t, s, pods) })
}

func testQuota(t *testing.T, s *server, pods map[string]corev1.PodTemplateSpec) {
	w := s.world(t)
	w.setQuota(corev1.ResourceRequestsCPU, corev1.ResourceRequestsMemory, corev1.ResourceLimitsMemory)
	for name, pod := range pods {
		if err := w.tryPod(pod); err != nil {
			t.Errorf("%s, with a quota of requests and of the limit of memory: %v", name, err)
		}
	}
	if err := w.tryPod(runPod(t, false)); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "init") || !strings.Contains(err.Error(), "wait") {
		t.Errorf("a run whose executor has no resources: %v", err)
	}

	w.setQuota(corev1.ResourceRequestsCPU, corev1.ResourceRequestsMemory, corev1.ResourceLimitsMemory, corev1.ResourceLimitsCPU)
	for name, pod := range pods {
		if err := w.tryPod(pod); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "limits.cpu") {
			t.Errorf("%s, with a quota of the limit of CPU, which we do not set: %v", name, err)
		}
	}
	w.create(&corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "defaults"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type:           corev1.LimitTypeContainer,
			Default:        corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1"), corev1.ResourceMemory: resource.MustParse("512Mi")},
			DefaultRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
		}}},
	})
	pods = maps.Clone(pods)
	pods["run without resources of the executor"] = runPod(t, false)
	for name, pod := range pods {
		eventually(t, func() error {
			if err := w.tryPod(pod); err != nil {
				return fmt.Errorf("%s, with a LimitRange: %w", name, err)
			}
			return nil
		})
	}
}

// setQuota also sets the status: no controller copies the spec into it here.
func (w *world) setQuota(names ...corev1.ResourceName) {
	w.Helper()
	hard := corev1.ResourceList{}
	for _, name := range names {
		hard[name] = resource.MustParse("1Ti")
	}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "quota"}}
	if err := w.client.Create(w.Context(), quota); err != nil && !apierrors.IsAlreadyExists(err) {
		w.Fatal(err)
	}
	if err := w.client.Get(w.Context(), client.ObjectKeyFromObject(quota), quota); err != nil {
		w.Fatal(err)
	}
	quota.Spec.Hard = hard
	w.update(quota)
	quota.Status = corev1.ResourceQuotaStatus{Hard: hard, Used: corev1.ResourceList{}}
	for name := range hard {
		quota.Status.Used[name] = resource.MustParse("0")
	}
	if err := w.client.Status().Update(w.Context(), quota); err != nil {
		w.Fatal(err)
	}
	// Admission must see it first.
	probe := corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "x"}}}}
	eventually(w.T, func() error {
		err := w.tryPod(probe)
		for _, name := range names {
			if err == nil || !strings.Contains(err.Error(), string(name)) {
				return fmt.Errorf("the quota of %s is not in force: %w", name, err)
			}
		}
		return nil
	})
}

// tryPod is a dry run.
func (w *world) tryPod(template corev1.PodTemplateSpec) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, GenerateName: "x-", Labels: template.Labels}, Spec: *template.Spec.DeepCopy()}
	// There is no controller that makes ServiceAccounts.
	pod.Spec.ServiceAccountName = ""
	return w.client.Create(w.Context(), pod, client.DryRunAll)
}

func operatorPod(t *testing.T) corev1.PodTemplateSpec {
	t.Helper()
	for _, o := range kustomize(t, "../../deploy/overlays/standalone") {
		if o.GetKind() == "Deployment" {
			return convertTo[appsv1.Deployment](t, o).Spec.Template
		}
	}
	t.Fatal("there is no Deployment")
	return corev1.PodTemplateSpec{}
}

func repoHostPod(t *testing.T) corev1.PodTemplateSpec {
	t.Helper()
	cluster, _ := cpo.Decode(reconciletest.Hosted(t, "db").Object)
	return translate.Translate(translate.Input{Provisioner: vocab.ProvisionedByUs, Cluster: cluster}).Provision.RepoHost.StatefulSet.Spec.Template
}

// runPod is a pod of the WorkflowTemplate as Argo makes it, with init and wait, and
// with the labels of the component network-policy.
func runPod(t *testing.T, executorResources bool) corev1.PodTemplateSpec {
	t.Helper()
	pod := corev1.PodTemplateSpec{}
	for _, o := range withComponents(t, "../../workflows", "../../workflows/components/network-policy") {
		if o.GetKind() != "WorkflowTemplate" {
			continue
		}
		pod.Labels, _, _ = unstructured.NestedStringMap(o.Object, "spec", "podMetadata", "labels")
		templates, _, _ := unstructured.NestedSlice(o.Object, "spec", "templates")
		set, _, _ := unstructured.NestedSlice(templates[0].(map[string]any), "containerSet", "containers")
		for _, container := range set {
			fields := container.(map[string]any)
			delete(fields, "dependencies")
			pod.Spec.Containers = append(pod.Spec.Containers, convertTo[corev1.Container](t, &unstructured.Unstructured{Object: fields}))
		}
	}
	executor := corev1.Container{Name: "wait", Image: "x"}
	if executorResources {
		executor.Resources = corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
		}
	}
	pod.Spec.Containers = append(pod.Spec.Containers, executor)
	executor.Name = "init"
	pod.Spec.InitContainers = []corev1.Container{executor}
	return pod
}

func convertTo[T any](t *testing.T, o *unstructured.Unstructured) T {
	t.Helper()
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &typed, true); err != nil {
		t.Fatalf("%s: %v", object.ID(o), err)
	}
	return typed
}

// withComponents builds a folder with components of ours.
func withComponents(t *testing.T, folder string, components ...string) []*unstructured.Unstructured {
	t.Helper()
	dir := t.TempDir()
	relative := func(path string) string {
		absolute, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		path, err = filepath.Rel(dir, absolute)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := "resources: [" + relative(folder) + "]\ncomponents:\n"
	for _, component := range components {
		text += "  - " + relative(component) + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return kustomize(t, dir)
}

func testNetworkPolicies(t *testing.T, s *server, pods map[string]corev1.PodTemplateSpec) {
	namespace := s.world(t).namespace
	pods["PostgreSQL"] = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: cpo.DefaultLabels().PostgreSQL(reconciletest.Cluster)}}
	pods["drill"] = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: drillPodLabels(t)}}
	components := "../../workflows/components/"
	objects := withComponents(t, "../../deploy/overlays/standalone", "../../deploy/components/network-policy")
	objects = append(objects, withComponents(t, "../../workflows", components+"network-policy", components+"network-policy-postgresql", components+"drill-network")...)
	want := map[string]string{"stanzaflow": "operator", "pgbackrest-run": "run", "pgbackrest-repo-host": "repo host", "pgbackrest-postgresql": "PostgreSQL", "pgbackrest-drill": "drill"}
	partners := map[string][]string{"pgbackrest-repo-host": {"PostgreSQL", "drill"}, "pgbackrest-postgresql": {"repo host"}}
	found := 0
	for _, o := range objects {
		if o.GetKind() != "NetworkPolicy" {
			continue
		}
		found++
		policy := convertTo[networkingv1.NetworkPolicy](t, o)
		for name, pod := range pods {
			if got := selects(t, policy.Spec.PodSelector, pod.Labels); got != (want[policy.Name] == name) {
				t.Errorf("%s selects the pods of %s: %t", policy.Name, name, got)
			}
		}
		checkPeers(t, policy, pods, partners[policy.Name])
		if policy.Name == "stanzaflow" && policy.Namespace != operatorNamespace {
			t.Errorf("%s is in namespace %q", policy.Name, policy.Namespace)
		}
		if policy.Namespace == "" {
			o.SetNamespace(namespace)
		}
		if err := s.client.Create(t.Context(), o, client.FieldValidation("Strict")); err != nil {
			t.Errorf("%s: %v", policy.Name, err)
		}
	}
	if found != len(want) {
		t.Errorf("found %d NetworkPolicies, want %d", found, len(want))
	}
}

// checkPeers checks that a policy lets its partners through, and no other pods.
func checkPeers(t *testing.T, policy networkingv1.NetworkPolicy, pods map[string]corev1.PodTemplateSpec, partners []string) {
	t.Helper()
	let := map[string]bool{}
	for _, peer := range peers(policy) {
		for name, pod := range pods {
			if selects(t, *peer.PodSelector, pod.Labels) {
				let[name] = true
			}
		}
	}
	slices.Sort(partners)
	if diff := cmp.Diff(partners, slices.Sorted(maps.Keys(let)), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s lets through (-want +got):\n%s", policy.Name, diff)
	}
}

// drillPodLabels are those of the pod that restores, by the WorkflowTemplate.
func drillPodLabels(t *testing.T) map[string]string {
	t.Helper()
	for _, o := range kustomize(t, "../../workflows") {
		if o.GetKind() != "WorkflowTemplate" || o.GetName() != vocab.DrillTemplate {
			continue
		}
		for _, template := range convertTo[wfv1.WorkflowTemplate](t, o).Spec.Templates {
			if template.Name == "restore" {
				return template.Metadata.Labels
			}
		}
	}
	t.Fatal("WorkflowTemplate pgbackrest-drill has no template restore")
	return nil
}

// peers that are pods of the namespace.
func peers(policy networkingv1.NetworkPolicy) []networkingv1.NetworkPolicyPeer {
	var all []networkingv1.NetworkPolicyPeer
	for _, rule := range policy.Spec.Ingress {
		all = append(all, rule.From...)
	}
	for _, rule := range policy.Spec.Egress {
		all = append(all, rule.To...)
	}
	var inside []networkingv1.NetworkPolicyPeer
	for _, peer := range all {
		if peer.PodSelector != nil {
			inside = append(inside, peer)
		}
	}
	return inside
}

func selects(t *testing.T, selector metav1.LabelSelector, of map[string]string) bool {
	t.Helper()
	parsed, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Matches(labels.Set(of))
}
