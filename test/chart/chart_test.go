// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// defaultValues are the values of the chart that correspond to overlays/standalone.
const defaultValues = "{}"

// TestSameObjectsAsTheOverlays shows that a change in deploy also changes the chart.
func TestSameObjectsAsTheOverlays(t *testing.T) {
	t.Parallel()
	for overlay, values := range map[string]string{
		"standalone": defaultValues,
		"alongside":  "mode: alongside",
	} {
		want := kustomization(t, "deploy/overlays/"+overlay)
		delete(want, "Namespace /stanzaflow-system") // Helm creates it
		got := withoutKeep(t, render(t, values))
		delete(got, releaseJob)
		sameObjects(t, want, got)
	}
}

// releaseJob gives CPO's CronJobs back before Helm uninstalls.
const releaseJob = "Job stanzaflow-system/stanzaflow-release"

// TestSameReleaseJob compares the hook of the chart with deploy/release, and shows
// that it is only where it is needed.
func TestSameReleaseJob(t *testing.T) {
	t.Parallel()
	got := render(t, "mode: alongside")[releaseJob]
	hook := get(got, "metadata", "annotations").(object)
	if hook["helm.sh/hook"] != "pre-delete" || len(hook) != 2 {
		t.Errorf("the Job has the annotations %v: without the hook Helm would run it at the installation", hook)
	}
	delete(got["metadata"].(object), "annotations")
	sameObjects(t, kustomization(t, "deploy/release"), map[string]object{releaseJob: got})

	if _, ok := render(t, defaultValues)[releaseJob]; ok {
		t.Error("in mode standalone there is nothing to give back")
	}
	args := get(containers(render(t, "{mode: alongside, namespaces: [shop, sales]}")[releaseJob])[0], "args")
	if diff := cmp.Diff([]any{"--all", "--timeout=8h", "--namespaces=shop,sales"}, args); diff != "" {
		t.Errorf("arguments with namespaces (-want +got):\n%s", diff)
	}
}

// TestReleaseJobIsNotTheManager shows that neither the Deployment nor a NetworkPolicy
// for the manager selects the pod of the Job.
func TestReleaseJobIsNotTheManager(t *testing.T) {
	t.Parallel()
	all := render(t, "mode: alongside")
	selector := get(all["Deployment stanzaflow-system/stanzaflow"], "spec", "selector", "matchLabels").(object)
	pod := labels(get(all[releaseJob], "spec", "template").(object))
	if pod["app.kubernetes.io/component"] == selector["app.kubernetes.io/component"] {
		t.Errorf("the pod of the Job has the labels %v, which the Deployment selects", pod)
	}
}

// TestSameObjectsAsTheNamespacedOverlays compares them with rights in one namespace.
func TestSameObjectsAsTheNamespacedOverlays(t *testing.T) {
	t.Parallel()
	for overlay, values := range map[string]string{
		"namespaced":           "namespaces: [cpo]",
		"alongside-namespaced": "{mode: alongside, namespaces: [cpo]}",
	} {
		want := kustomization(t, "deploy/overlays/"+overlay)
		delete(want, "Namespace /stanzaflow-system")
		got := withoutKeep(t, render(t, values))
		delete(got, releaseJob)
		// The overlay's RoleBinding is a pattern to copy, so it has no labels.
		delete(got["RoleBinding cpo/stanzaflow"]["metadata"].(object), "labels")
		sameObjects(t, want, got)
	}
}

// TestSameObjectsAsWorkflows compares them in each namespace of the list.
func TestSameObjectsAsWorkflows(t *testing.T) {
	t.Parallel()
	for folder, mode := range map[string]string{"workflows": "standalone", "deploy/overlays/alongside-workflows": "alongside"} {
		operator := render(t, "mode: "+mode)
		got := render(t, "{mode: "+mode+", workflows: {namespaces: [shop, sales]}}")
		maps.DeleteFunc(got, func(id string, _ object) bool { _, other := operator[id]; return other })
		want := map[string]object{}
		for _, o := range kustomization(t, folder) {
			for _, namespace := range []string{"shop", "sales"} {
				copied := clone(o)
				set(copied, namespace, "metadata", "namespace")
				for _, subject := range list(copied, "subjects") {
					set(subject, namespace, "namespace")
				}
				want[identify(copied)] = copied
			}
		}
		sameObjects(t, want, got)
	}
}

// TestHelmKeepsTheCRDs matters because deleting the CRD postgresqls deletes every cluster.
func TestHelmKeepsTheCRDs(t *testing.T) {
	t.Parallel()
	found := 0
	for id, o := range render(t, "annotations: {helm.sh/resource-policy: delete}") {
		if kind := o["kind"]; kind != "CustomResourceDefinition" {
			continue
		}
		found++
		if policy := get(o, "metadata", "annotations", "helm.sh/resource-policy"); policy != "keep" {
			t.Errorf("%s: helm.sh/resource-policy is %v, want keep", id, policy)
		}
	}
	if found != 2 {
		t.Errorf("there are %d CRDs, want 2", found)
	}
}

// TestOperatorConfiguration names the configuration of one CPO of several.
func TestOperatorConfiguration(t *testing.T) {
	t.Parallel()
	const operator = "Deployment stanzaflow-system/stanzaflow"
	before := get(containers(render(t, "mode: alongside")[operator])[0], "args").([]any)
	after := get(containers(render(t, "{mode: alongside, operatorConfiguration: cpo/main}")[operator])[0], "args").([]any)
	if diff := cmp.Diff(append(before, "--operator-configuration=cpo/main"), after); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestArgoCD has Argo CD show the CronWorkflows.
func TestArgoCD(t *testing.T) {
	t.Parallel()
	const operator = "Deployment stanzaflow-system/stanzaflow"
	before := get(containers(render(t, defaultValues)[operator])[0], "args").([]any)
	after := get(containers(render(t, "argocd: true")[operator])[0], "args").([]any)
	if diff := cmp.Diff(append(before, "--argocd"), after); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWindow spreads the schedules of all clusters.
func TestWindow(t *testing.T) {
	t.Parallel()
	const operator = "Deployment stanzaflow-system/stanzaflow"
	before := get(containers(render(t, defaultValues)[operator])[0], "args").([]any)
	after := get(containers(render(t, "window: 1h30m")[operator])[0], "args").([]any)
	if diff := cmp.Diff(append(before, "--window=1h30m"), after); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStartOverdue starts the overdue backups of all clusters.
func TestStartOverdue(t *testing.T) {
	t.Parallel()
	const operator = "Deployment stanzaflow-system/stanzaflow"
	before := get(containers(render(t, defaultValues)[operator])[0], "args").([]any)
	after := get(containers(render(t, "startOverdue: true")[operator])[0], "args").([]any)
	if diff := cmp.Diff(append(before, "--start-overdue"), after); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWatchInterval has the watch start as often as the value says.
func TestWatchInterval(t *testing.T) {
	t.Parallel()
	const operator = "Deployment stanzaflow-system/stanzaflow"
	before := get(containers(render(t, defaultValues)[operator])[0], "args").([]any)
	for _, interval := range []string{"0", "15m", "1h"} {
		after := get(containers(render(t, "watchInterval: '"+interval+"'")[operator])[0], "args").([]any)
		if diff := cmp.Diff(append(slices.Clip(before), "--watch-interval="+interval), after); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestMonitoring adds the rules and the ServiceMonitor of the component, and changes
// nothing else.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	const added = 2
	want := kustomization(t, "test/chart/testdata/monitoring")
	delete(want, "Namespace /stanzaflow-system")
	if plain := render(t, defaultValues); len(want) != len(plain)+added {
		t.Errorf("the component adds %d objects, want %d", len(want)-len(plain), added)
	}
	got := withoutKeep(t, render(t, "monitoring: true"))
	sameObjects(t, want, got)
}

// TestDashboards adds the ConfigMap of the component, and changes nothing else.
func TestDashboards(t *testing.T) {
	t.Parallel()
	want := render(t, defaultValues)
	maps.Copy(want, kustomization(t, "deploy/monitoring/dashboards"))
	if len(want) != len(render(t, defaultValues))+1 {
		t.Fatalf("the component does not add one object")
	}
	sameObjects(t, want, render(t, "dashboards: true"))
}

func TestCRDOfCPO(t *testing.T) {
	t.Parallel()
	want := render(t, defaultValues)
	delete(want, "CustomResourceDefinition /postgresqls.cpo.opensource.cybertec.at")
	sameObjects(t, want, render(t, "crds: {postgresql: false}"))
}

// TestImage shows that the operator and every container of the WorkflowTemplates have the
// same image.
func TestImage(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("0a", 32)
	steps := 0
	templates, err := filepath.Glob("../../workflows/*.yaml")
	if err != nil || len(templates) == 0 {
		t.Fatalf("no WorkflowTemplates in workflows/: %v", err)
	}
	for _, file := range templates {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		steps += strings.Count(string(content), " imagePullPolicy: ")
	}
	for values, want := range map[string]string{
		"{}":                           "ghcr.io/stanzaflow/operator:" + appVersion(t),
		"{tag: v9.9.9}":                "ghcr.io/stanzaflow/operator:v9.9.9",
		"{repository: r.example/op}":   "r.example/op:" + appVersion(t),
		"{digest: '" + digest + "'}":   "ghcr.io/stanzaflow/operator:" + appVersion(t) + "@" + digest,
		"{tag: v1, pullPolicy: Never}": "ghcr.io/stanzaflow/operator:v1",
	} {
		found := 0
		for id, o := range render(t, "workflows: {namespaces: [shop]}\nimage: "+values) {
			for _, container := range containers(o) {
				found++
				if got := get(container, "image"); got != want {
					t.Errorf("image %s: %s has %v, want %s", values, id, got, want)
				}
				if got := get(container, "imagePullPolicy"); (got == "Never") != strings.Contains(values, "Never") {
					t.Errorf("image %s: %s has imagePullPolicy %v", values, id, got)
				}
			}
		}
		if found != 1+steps {
			t.Errorf("image %s: %d containers, want the operator and the %d of the WorkflowTemplates", values, found, steps)
		}
	}
}

// TestPlacement shows that the values for the pod are in the pod and change nothing else.
func TestPlacement(t *testing.T) {
	t.Parallel()
	const values = `
imagePullSecrets: [{name: registry}]
resources: {limits: {memory: 1Gi}}
nodeSelector: {disk: ssd}
tolerations: [{key: infra, operator: Exists, effect: NoSchedule}]
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a]}]}]}}}
priorityClassName: system-cluster-critical
`
	want := render(t, defaultValues)
	pod := get(want["Deployment stanzaflow-system/stanzaflow"], "spec", "template", "spec").(object)
	for field, value := range parse(t, values) {
		if field != "resources" {
			pod[field] = value
		}
	}
	set(containers(want["Deployment stanzaflow-system/stanzaflow"])[0], "1Gi", "resources", "limits", "memory")
	sameObjects(t, want, render(t, values))

	for id, o := range render(t, values+"workflows: {namespaces: [shop]}") {
		if o["kind"] == "WorkflowTemplate" && get(list(o, "spec", "imagePullSecrets")[0], "name") != "registry" {
			t.Errorf("%s has no pull secret: its pods cannot start", id)
		}
	}
}

// TestLabels shows that extra labels are on every object and on the pod, and replace
// none of ours.
func TestLabels(t *testing.T) {
	t.Parallel()
	const values = `
labels: {team: dba, app.kubernetes.io/name: other}
annotations: {contact: dba@example.com}
workflows: {namespaces: [shop]}
`
	plain := render(t, "workflows: {namespaces: [shop]}")
	for id, o := range render(t, values) {
		if get(o, "metadata", "labels", "team") != "dba" || get(o, "metadata", "annotations", "contact") != "dba@example.com" {
			t.Errorf("%s has metadata %v", id, o["metadata"])
		}
		for name, value := range labels(plain[id]) {
			if got := labels(o)[name]; got != value {
				t.Errorf("%s: label %s is %v, was %v", id, name, got, value)
			}
		}
		if o["kind"] != "Deployment" {
			continue
		}
		pod := get(o, "spec", "template").(object)
		if get(pod, "metadata", "labels", "team") != "dba" || get(pod, "metadata", "annotations", "contact") != "dba@example.com" {
			t.Errorf("the pod of the operator has metadata %v", pod["metadata"])
		}
		for name, value := range get(o, "spec", "selector", "matchLabels").(object) {
			if got := labels(pod)[name]; got != value {
				t.Errorf("the selector wants label %s=%v, the pod has %v", name, value, got)
			}
		}
	}
}

// TestNamesDoNotDependOnTheRelease matters because the policies name the ServiceAccount.
func TestNamesDoNotDependOnTheRelease(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(maps.Keys(render(t, defaultValues)))
	got := slices.Sorted(maps.Keys(renderAs(t, "other", "stanzaflow-system", defaultValues)))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("objects of a release with another name (-want +got):\n%s", diff)
	}
}

// TestNamespaceOfTheRelease shows that every object and every subject is in that namespace.
func TestNamespaceOfTheRelease(t *testing.T) {
	t.Parallel()
	for id, o := range renderAs(t, "stanzaflow", "backup", "{monitoring: true, dashboards: true}") {
		namespaced := slices.Contains([]any{"ServiceAccount", "Role", "RoleBinding", "Deployment", "Service", "ServiceMonitor", "PrometheusRule", "ConfigMap"}, o["kind"])
		if namespaced != (get(o, "metadata", "namespace") == "backup") {
			t.Errorf("%s has the namespace %v", id, get(o, "metadata", "namespace"))
		}
		for _, subject := range list(o, "subjects") {
			if get(subject, "namespace") != "backup" {
				t.Errorf("%s has the subject %v", id, subject)
			}
		}
	}
}
