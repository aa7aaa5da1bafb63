// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

// plain returns the WorkflowTemplate of a run as it is in workflows/.
func plain(t *testing.T) given.Template {
	t.Helper()
	return plainOf(t, vocab.DefaultWorkflowTemplate)
}

// plainOf returns the WorkflowTemplate of a name as it is in workflows/.
func plainOf(t *testing.T, name string) given.Template {
	t.Helper()
	for _, template := range given.Templates(t, root) {
		if template.Component == "" && template.ObjectName() == name {
			return template
		}
	}
	t.Fatalf("no WorkflowTemplate %s without a component", name)
	return given.Template{}
}

// TestComponentsInAnyOrder: a user lists components as they come to mind. Only the order of
// the templates that they add depends on it.
func TestComponentsInAnyOrder(t *testing.T) {
	components, template := given.Components(t, root, vocab.DefaultWorkflowTemplate), plain(t)
	all := template.With(t, components...)
	typed := given.Typed[wfv1.WorkflowTemplate](t, all.Name(), all.Object)
	if err := validate.ValidateWorkflowTemplate(templates{}, noClusterTemplates, typed, nil, validate.ValidateOpts{}); err != nil {
		t.Errorf("%s: %v", all.Name(), err)
	}
	if findings := contract.Check(typed); len(findings) > 0 {
		t.Errorf("%s: the contract: %q", all.Name(), findings)
	}
	for _, order := range everyPairFirst(components) {
		one := template.With(t, order...)
		if diff := cmp.Diff(byName(all), byName(one)); diff != "" {
			t.Errorf("%s gives another template than %s:\n%s", one.Name(), all.Name(), diff)
		}
	}
}

// byName returns a template with those inside it sorted by name.
func byName(template given.Template) map[string]any {
	object := maps.Clone(template.Object)
	spec := maps.Clone(object["spec"].(map[string]any))
	templates := slices.Clone(spec["templates"].([]any))
	slices.SortFunc(templates, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	object["spec"], spec["templates"] = spec, templates
	return object
}

// everyPairFirst returns orders of some names in which each name comes before and after
// each other one. All orders would take a minute.
func everyPairFirst(names []string) [][]string {
	var orders [][]string
	for _, first := range names {
		for _, second := range names {
			if first == second {
				continue
			}
			rest := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == first || name == second })
			orders = append(orders, slices.Concat([]string{first, second}, rest))
			slices.Reverse(rest)
			orders = append(orders, slices.Concat([]string{first, second}, rest))
		}
	}
	return orders
}

// TestNotifyNeverDecides: whatever becomes of the message, the DAG that Argo runs at the
// end of a run is Succeeded, and nothing that may be missing is an input of it.
func TestNotifyNeverDecides(t *testing.T) {
	template := withNotify(t)
	if template.Spec.OnExit != "notify" {
		t.Fatalf("onExit is %q", template.Spec.OnExit)
	}
	dag := template.GetTemplateByName("notify")
	if len(dag.Inputs.Parameters)+len(dag.Inputs.Artifacts) > 0 || dag.Synchronization != nil || dag.Timeout != "" {
		t.Errorf("template notify has inputs, a lock or a timeout, each of which could fail the run: %+v", dag)
	}
	for _, task := range dag.DAG.Tasks {
		if task.ContinueOn == nil || !task.ContinueOn.Failed || !task.ContinueOn.Error || len(task.Arguments.Parameters) > 0 {
			t.Errorf("task %s could fail the run: %+v", task.Name, task)
		}
	}
	send := template.GetTemplateByName("notify-send")
	if send.Timeout == "" || send.HTTP.TimeoutSeconds == nil || *send.HTTP.TimeoutSeconds > 30 || send.Synchronization != nil {
		t.Errorf("a receiver that does not answer keeps the run: %+v", send)
	}
}

func withNotify(t *testing.T) *wfv1.WorkflowTemplate {
	t.Helper()
	built := plain(t).With(t, filepath.Join(root, "workflows/components/notify/kustomization.yaml"))
	return given.Typed[wfv1.WorkflowTemplate](t, built.Name(), built.Object)
}

// TestNotifyMessages shows what is sent, as Argo makes it.
func TestNotifyMessages(t *testing.T) {
	configMap := map[string]string{"url": "https://hooks.example.com", "channel": "#dba", "argo": "https://argo.example.com"}
	for name, tc := range map[string]struct {
		entry     string // backup if empty
		status    string
		outputs   map[string]string
		configMap map[string]string
		want      map[string]string
	}{
		"proven": {
			status: "Succeeded", outputs: map[string]string{"result": "Succeeded", "message": "", "runbook": ""}, configMap: configMap,
			want: map[string]string{
				"channel": "#dba", "result": "Succeeded", "reason": "", "runbook": "", "link": "https://argo.example.com/workflows/db/run-1",
				"text": "Succeeded: full of db/shop repo1\nhttps://argo.example.com/workflows/db/run-1",
			},
		},
		"proven, in form dag": {
			entry: vocab.EntrypointBackupDAG, status: "Succeeded", outputs: map[string]string{"result": "Succeeded"}, configMap: map[string]string{"url": "https://hooks.example.com"},
			want: map[string]string{"kind": "backup", "channel": "", "result": "Succeeded", "reason": "", "runbook": "", "link": "", "text": "Succeeded: full of db/shop repo1"},
		},
		"a stanza, and no backup": {
			entry: vocab.EntrypointStanza, status: "Succeeded", outputs: map[string]string{"result": "Succeeded"}, configMap: map[string]string{"url": "https://hooks.example.com"},
			want: map[string]string{"kind": "stanza", "channel": "", "result": "Succeeded", "reason": "", "runbook": "", "link": "", "text": "Succeeded: stanza of db/shop repo1"},
		},
		"before a deploy": {
			entry: vocab.EntrypointPredeploy, status: "Succeeded", outputs: map[string]string{"result": "Succeeded"}, configMap: map[string]string{"url": "https://hooks.example.com"},
			want: map[string]string{"kind": "predeploy", "channel": "", "result": "Succeeded", "reason": "", "runbook": "", "link": "", "text": "Succeeded: predeploy of db/shop repo1"},
		},
		"failed, with quotes and braces in the reason": {
			status:  "Failed",
			outputs: map[string]string{"result": "Failed", "message": `[039] "store" refuses {x}` + "\nsecond line", "runbook": "https://docs.example.com/#039"}, configMap: configMap,
			want: map[string]string{
				"channel": "#dba", "result": "Failed", "reason": `[039] "store" refuses {x}` + "\nsecond line", "runbook": "https://docs.example.com/#039",
				"link": "https://argo.example.com/workflows/db/run-1",
				"text": `Failed: full of db/shop repo1` + "\n" + `[039] "store" refuses {x}` + "\nsecond line\nhttps://argo.example.com/workflows/db/run-1\nhttps://docs.example.com/#039",
			},
		},
		"held": {
			status: "Failed", outputs: map[string]string{"result": "Held", "message": "the cluster is a standby", "runbook": ""}, configMap: map[string]string{"url": "https://hooks.example.com"},
			want: map[string]string{"channel": "", "result": "Held", "reason": "the cluster is a standby", "runbook": "", "link": "", "text": "Held: full of db/shop repo1\nthe cluster is a standby"},
		},
		"stopped, and no outputs": {
			status: "Failed", configMap: map[string]string{"url": "https://hooks.example.com"},
			want: map[string]string{"channel": "", "result": "Failed", "reason": "", "runbook": "", "link": "", "text": "Failed: full of db/shop repo1"},
		},
		"green, and no report": {
			status: "Succeeded", outputs: map[string]string{"result": ""}, configMap: map[string]string{"url": "https://hooks.example.com"},
			want: map[string]string{"channel": "", "result": "Unknown", "reason": "", "runbook": "", "link": "", "text": "Unknown: full of db/shop repo1"},
		},
		"red, though its report is good": {
			status: "Error", outputs: map[string]string{"result": "Succeeded"}, configMap: map[string]string{"url": "https://hooks.example.com"},
			want: map[string]string{"channel": "", "result": "Error", "reason": "", "runbook": "", "link": "", "text": "Error: full of db/shop repo1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			maps.Copy(tc.want, map[string]string{
				"namespace": "db", "cluster": "shop", "repo": "repo1", "type": "full", "trigger": "schedule", "workflow": "run-1",
			})
			if tc.entry == "" {
				tc.entry, tc.want["kind"] = vocab.EntrypointBackup, string(vocab.RunBackup)
			}
			sent, err := process(withNotify(t).GetTemplateByName("notify-send"), tc.entry, tc.status, tc.outputs, tc.configMap)
			if err != nil {
				t.Fatal(err)
			}
			if sent.HTTP.URL != tc.configMap["url"] {
				t.Errorf("sent to %s", sent.HTTP.URL)
			}
			var got map[string]string
			if err := json.Unmarshal([]byte(sent.HTTP.Body), &got); err != nil {
				t.Fatalf("the body is no JSON: %v\n%s", err, sent.HTTP.Body)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := process(withNotify(t).GetTemplateByName("notify-send"), vocab.EntrypointBackup, "Succeeded", nil, nil); err == nil {
		t.Error("without a URL there is an address to send to")
	}
}

// process is what Argo does with a template before it runs it.
func process(template *wfv1.Template, entrypoint, status string, outputs, data map[string]string) (*wfv1.Template, error) {
	configMaps := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	if data != nil {
		if err := configMaps.Add(&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "db", Name: "pgbackrest-notify", Labels: map[string]string{common.LabelKeyConfigMapType: common.LabelValueTypeConfigMapParameter}}, Data: data,
		}); err != nil {
			return nil, err
		}
	}
	globals := map[string]string{
		"workflow.name": "run-1", "workflow.namespace": "db", "workflow.status": status, "workflow.failures": `"[]"`, common.GlobalVarWorkflowMainEntrypoint: entrypoint,
		"workflow.parameters." + vocab.ParamCluster: "shop", "workflow.parameters." + vocab.ParamRepo: "repo1",
		"workflow.parameters." + vocab.ParamType: "full", "workflow.parameters." + vocab.ParamTrigger: "schedule",
	}
	for name, value := range outputs {
		globals["workflow.outputs.parameters."+name] = value
	}
	return common.ProcessArgs(template, &wfv1.Arguments{}, globals, map[string]string{}, false, "db", configMaps)
}

// TestNotifyExamples builds each example as kustomize does, and shows that Argo accepts
// it, that the contract holds, and that what is sent has the address of the ConfigMap.
func TestNotifyExamples(t *testing.T) {
	for _, file := range given.Glob(t, filepath.Join(root, "examples/notify/*/kustomization.yaml"), 3) {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			var template *wfv1.WorkflowTemplate
			var configMap *corev1.ConfigMap
			for _, object := range kustomized(t, folder) {
				switch object["kind"] {
				case "WorkflowTemplate":
					if one := given.Typed[wfv1.WorkflowTemplate](t, folder, object); one.Name == vocab.DefaultWorkflowTemplate {
						template = one
					}
				case "ConfigMap":
					configMap = given.Typed[corev1.ConfigMap](t, folder, object)
				}
			}
			if template == nil || configMap == nil {
				t.Fatal("the example has no WorkflowTemplate or no ConfigMap")
			}
			if err := validate.ValidateWorkflowTemplate(templates{}, noClusterTemplates, template, nil, validate.ValidateOpts{}); err != nil {
				t.Error(err)
			}
			if findings := contract.Check(template); len(findings) > 0 {
				t.Errorf("the contract: %q", findings)
			}
			if configMap.Labels[common.LabelKeyConfigMapType] != common.LabelValueTypeConfigMapParameter {
				t.Error("Argo would not find the ConfigMap")
			}
			sent, err := process(template.GetTemplateByName("notify-send"), vocab.EntrypointBackup, "Failed", map[string]string{"result": "Failed", "message": `the store says "no"`, "runbook": ""}, configMap.Data)
			if err != nil {
				t.Fatal(err)
			}
			var body map[string]any
			if err := json.Unmarshal([]byte(sent.HTTP.Body), &body); err != nil {
				t.Fatalf("the body is no JSON: %v\n%s", err, sent.HTTP.Body)
			}
			for _, want := range []string{"Failed", "db/shop", `the store says \"no\"`, "https://argo.example.com/workflows/db/run-1"} {
				if !strings.Contains(sent.HTTP.Body, want) {
					t.Errorf("the body has no %q:\n%s", want, sent.HTTP.Body)
				}
			}
			if configMap.Data["url"] == "" || sent.HTTP.URL != configMap.Data["url"] || !strings.Contains(sent.HTTP.Body, configMap.Data["channel"]) {
				t.Errorf("sent to %s:\n%s", sent.HTTP.URL, sent.HTTP.Body)
			}
			for _, header := range sent.HTTP.Headers {
				if header.Name == "Authorization" && (header.Value != "" || header.ValueFrom.SecretKeyRef.Name != "pgbackrest-notify") {
					t.Errorf("header %+v", header)
				}
			}
		})
	}
}

// kustomized builds a folder as kubectl does.
func kustomized(t *testing.T, folder string) []map[string]any {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatalf("%s: %v", folder, err)
	}
	var objects []map[string]any
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, given.Decode(t, folder, text))
	}
	return objects
}

// TestDocumentedKustomization builds the kustomization of docs/gitops.md, with this
// checkout in place of the release.
func TestDocumentedKustomization(t *testing.T) {
	page := string(given.Read(t, filepath.Join(root, "docs/gitops.md")))
	_, block, _ := strings.Cut(page, "<!-- kustomization -->\n```yaml\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("docs/gitops.md has no kustomization")
	}
	folder := t.TempDir()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(folder, checkout)
	if err != nil {
		t.Fatal(err)
	}
	release := regexp.MustCompile(`https://github\.com/stanzaflow/stanzaflow//(\S+)\?ref=\S+`)
	if n := len(release.FindAllString(block, -1)); n < 4 {
		t.Fatalf("the kustomization refers to the release %d times:\n%s", n, block)
	}
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(release.ReplaceAllString(block, relative+"/$1")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, object := range kustomized(t, folder) {
		if object["kind"] != "WorkflowTemplate" {
			continue
		}
		template := given.Typed[wfv1.WorkflowTemplate](t, "docs/gitops.md", object)
		if err := validate.ValidateWorkflowTemplate(templates{}, noClusterTemplates, template, nil, validate.ValidateOpts{}); err != nil {
			t.Error(err)
		}
		if findings := contract.Check(template); len(findings) > 0 {
			t.Errorf("the contract: %q", findings)
		}
		for _, pod := range template.Spec.Templates {
			for _, container := range containersOf(pod) {
				if container.Image != "registry.example.com/stanzaflow/operator:v0.1.0" {
					t.Errorf("container %s of template %s has image %s", container.Name, pod.Name, container.Image)
				}
			}
		}
		if template.Namespace != "shop" || *template.Spec.ActiveDeadlineSeconds != 43200 || template.Spec.OnExit != "notify" {
			t.Errorf("namespace %s, deadline %v, onExit %s", template.Namespace, template.Spec.ActiveDeadlineSeconds, template.Spec.OnExit)
		}
		return
	}
	t.Error("the kustomization has no WorkflowTemplate")
}

// containersOf are the containers of a template, none if it is no pod.
func containersOf(template wfv1.Template) []corev1.Container {
	var all []corev1.Container
	if template.Container != nil {
		all = append(all, *template.Container)
	}
	if template.ContainerSet != nil {
		for _, node := range template.ContainerSet.Containers {
			all = append(all, node.Container)
		}
	}
	return all
}
