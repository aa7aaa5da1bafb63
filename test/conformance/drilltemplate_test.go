// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/util/expr/env"
	argotemplate "github.com/argoproj/argo-workflows/v3/util/template"
	"github.com/argoproj/argo-workflows/v3/workflow/common"
	"github.com/argoproj/argo-workflows/v3/workflow/util"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	"github.com/expr-lang/expr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	config "github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

func drillTemplate(t *testing.T) *wfv1.WorkflowTemplate {
	t.Helper()
	template := plainOf(t, vocab.DrillTemplate)
	return given.Typed[wfv1.WorkflowTemplate](t, template.Name(), template.Object)
}

// TestCronWorkflowOfADrill: arguments are enough, also under a controller that is Strict.
func TestCronWorkflowOfADrill(t *testing.T) {
	t.Parallel()
	argument := func(name, value string) wfv1.Parameter {
		return wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)}
	}
	c := &wfv1.CronWorkflow{
		ObjectMeta: metav1.ObjectMeta{Name: "pgbackrest-orders-drill-newest", Namespace: "shop"},
		Spec: wfv1.CronWorkflowSpec{
			Schedules: []string{"0 5 * * 0"}, Timezone: "UTC", ConcurrencyPolicy: wfv1.ForbidConcurrent,
			WorkflowSpec: wfv1.WorkflowSpec{
				WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.DrillTemplate},
				Arguments: wfv1.Arguments{Parameters: []wfv1.Parameter{
					argument(vocab.ParamCluster, "orders"), argument(vocab.ParamDrill, "newest"), argument(vocab.ParamTrigger, "schedule"),
				}},
			},
		},
	}
	if err := validate.ValidateCronWorkflow(t.Context(), namespace(t), noClusterTemplates, c, nil); err != nil {
		t.Error(err)
	}
	if err := util.ValidateUserOverrides(&c.Spec.WorkflowSpec); err != nil {
		t.Error(err)
	}
}

// TestDrillPodsThatAreReplaced: what a step of a drill says itself is not tried again by
// another pod. A pod that was lost is, and so is one in which a process was killed.
func TestDrillPodsThatAreReplaced(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plan", "restore"} {
		strategy := drillTemplate(t).GetTemplateByName(name).RetryStrategy
		for exitCode, again := range map[string]bool{"20": false, "30": false, "40": true, "1": true, "137": true, "143": true, "-1": true} {
			if got := triesAgain(t, strategy, exitCode, "main: Error"); got != again {
				t.Errorf("%s: exit code %s: another pod %t, want %t", name, exitCode, got, again)
			}
		}
		if strategy.RetryPolicyActual() != wfv1.RetryPolicyAlways || strategy.Limit.IntValue() != 2 {
			t.Errorf("%s: retryPolicy %s, limit %s", name, strategy.RetryPolicyActual(), strategy.Limit)
		}
	}
	if drill.ExitStop != 20 || drill.ExitGaveUp != 30 || drill.ExitStopped != 40 {
		t.Error("the template knows other exit codes")
	}
}

// TestDrillHoldsUpNoBackup: its mutex is not that of the backups, its own limit comes before
// Argo's, and its pods and their volumes go soon.
func TestDrillHoldsUpNoBackup(t *testing.T) {
	t.Parallel()
	template := drillTemplate(t)
	spec := template.Spec
	backup := backupTemplate(t).GetTemplateByName("backup").Synchronization.Mutexes[0].Name
	for _, one := range spec.Templates {
		if s := one.Synchronization; s != nil && s.Mutexes[0].Name == backup {
			t.Errorf("template %s waits for backups", one.Name)
		}
	}
	if template.GetTemplateByName("drill").Synchronization.Mutexes[0].Name != "pgbackrest-drill-{{workflow.parameters.cluster}}" {
		t.Error("two drills of a cluster can run at once")
	}
	limit, err := time.ParseDuration(spec.Arguments.GetParameterByName("limit").Value.String())
	if err != nil || time.Duration(*spec.ActiveDeadlineSeconds)*time.Second <= limit {
		t.Errorf("limit %s, activeDeadlineSeconds %d: %v", limit, *spec.ActiveDeadlineSeconds, err)
	}
	if spec.PodGC.Strategy != wfv1.PodGCOnPodCompletion {
		t.Errorf("podGC %s keeps volumes", spec.PodGC.Strategy)
	}
}

// TestDrillIsTriedOnceMore: only if the first restore says so, and then as the last one.
func TestDrillIsTriedOnceMore(t *testing.T) {
	t.Parallel()
	template := drillTemplate(t)
	steps := template.GetTemplateByName("drill").Steps
	last := func(step wfv1.WorkflowStep) string { return step.Arguments.GetParameterByName("last").Value.String() }
	if len(steps) != 3 || last(steps[1].Steps[0]) != "false" || steps[2].Steps[0].When != "{{steps.restore.outputs.parameters.again}} == true" {
		t.Fatalf("steps %+v", steps)
	}
	again := template.GetTemplateByName(steps[2].Steps[0].Template).Steps
	if len(again) != 2 || last(again[1].Steps[0]) != "true" {
		t.Errorf("steps %+v", again)
	}
	// A pod that has said nothing is not tried again as if it had.
	for _, output := range template.GetTemplateByName("restore").Outputs.Parameters {
		if output.Name == "again" && output.ValueFrom.Default.String() != "false" {
			t.Errorf("output again is %s by default", output.ValueFrom.Default)
		}
	}
}

// TestDrillParametersAsArgoPassesThem: a query with everything that Argo could read as its
// own arrives unchanged.
func TestDrillParametersAsArgoPassesThem(t *testing.T) {
	t.Parallel()
	const query = "SELECT $$\"a\"$$, '{{workflow.name}}', '\\', $(HOME)\n"
	drills := []stanzaflowv1alpha1.Drill{{Name: "newest", SQL: []stanzaflowv1alpha1.SQLCheck{{Name: "one", Database: "shop", Query: query, Equals: new("x")}}}}
	passed, err := config.Config{Drills: drills, DefaultRepo: 1, DataPath: "/data"}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	planned, err := drill.Plan{
		Report: report.Report{Repo: "repo1", Drill: &report.Drill{Target: "Immediate", Backup: "20261122-153309F"}},
		Drill:  drills[0], Config: config.Config{DefaultRepo: 1, DataPath: "/data"},
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	configMaps := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	if err := configMaps.Add(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders" + vocab.DrillConfigSuffix, Labels: map[string]string{common.LabelKeyConfigMapType: common.LabelValueTypeConfigMapParameter}},
		Data:       map[string]string{vocab.DrillConfigDrills: passed, vocab.DrillConfigPod: `{"containers":[{"name":"main","image":"postgres:17"}]}`},
	}); err != nil {
		t.Fatal(err)
	}
	globals := map[string]string{
		"workflow.name": "drill-1", "workflow.namespace": "shop", "workflow.uid": "1", "workflow.creationTimestamp.RFC3339": "2026-11-28T05:00:00Z",
	}
	for name, value := range map[string]string{vocab.ParamCluster: "orders", vocab.ParamDrill: "newest", vocab.ParamTarget: "", vocab.ParamTrigger: "schedule", "limit": "23h"} {
		globals["workflow.parameters."+name] = value
	}
	template := drillTemplate(t)
	process := func(name string, arguments map[string]string) *wfv1.Template {
		given := &wfv1.Arguments{}
		for _, key := range slices.Sorted(maps.Keys(arguments)) {
			given.Parameters = append(given.Parameters, wfv1.Parameter{Name: key, Value: wfv1.AnyStringPtr(arguments[key])})
		}
		processed, err := common.ProcessArgs(template.GetTemplateByName(name), given, globals, map[string]string{}, false, "shop", configMaps)
		if err != nil {
			t.Fatal(err)
		}
		return processed
	}
	plan := process("plan", nil)
	if !slices.Contains(plan.Container.Args, "--config="+passed) || !slices.Contains(plan.Container.Args, "--target=") {
		t.Errorf("arguments %q", plan.Container.Args)
	}
	if got, err := config.Decode(passed); err != nil || got.Drills[0].SQL[0].Query != query {
		t.Errorf("%v: %+v", err, got)
	}
	globals["workflow.mainEntrypoint"] = "drill"
	restore := process("restore", map[string]string{"plan": string(planned), "last": "false"})
	if !slices.Equal(restore.Container.Args, []string{"--plan=" + string(planned), "--last=false"}) || restore.PodSpecPatch != `{"containers":[{"name":"main","image":"postgres:17"}]}` {
		t.Errorf("arguments %q, patch %s", restore.Container.Args, restore.PodSpecPatch)
	}
	globals["workflow.mainEntrypoint"] = "restore"
	restore = process("restore", map[string]string{"plan": string(planned), "last": "false", "pod": `{"containers":[{"name":"main","image":"mine"}]}`})
	if restore.PodSpecPatch != "{}" {
		t.Errorf("whoever starts the template with entrypoint restore has the pod %s", restore.PodSpecPatch)
	}
}

// TestDrillHasNoRights: the container with the restored database has no token, and that of
// the pod is good for reports only.
func TestDrillHasNoRights(t *testing.T) {
	t.Parallel()
	template := drillTemplate(t)
	restore := template.GetTemplateByName("restore")
	const token = "/var/run/secrets/kubernetes.io/serviceaccount"
	i := slices.IndexFunc(restore.Container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == token })
	if i < 0 {
		t.Fatal("Kubernetes mounts the token of the ServiceAccount beside the restored database")
	}
	name := restore.Container.VolumeMounts[i].Name
	if j := slices.IndexFunc(template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == name }); j < 0 || template.Spec.Volumes[j].EmptyDir == nil {
		t.Errorf("volume %s is not empty", name)
	}
	roles := 0
	for _, object := range given.Documents(t, root+"/workflows/pgbackrest-drill-account.yaml") {
		if object["kind"] != "Role" {
			continue
		}
		roles++
		role := given.Typed[rbacv1.Role](t, "account", object)
		if len(role.Rules) != 1 || !slices.Equal(role.Rules[0].Resources, []string{"workflowtaskresults"}) || !slices.Equal(role.Rules[0].Verbs, []string{"create", "patch"}) {
			t.Errorf("rules %+v", role.Rules)
		}
	}
	if roles != 1 || restore.ServiceAccountName != "pgbackrest-drill" {
		t.Errorf("%d Roles, ServiceAccount %s", roles, restore.ServiceAccountName)
	}
}

// TestPlanOfARestoreIsNoDrill evaluates the label as Argo does, and shows which outputs and
// which end a plan has.
func TestPlanOfARestoreIsNoDrill(t *testing.T) {
	t.Parallel()
	template := drillTemplate(t)
	label := template.Spec.WorkflowMetadata.LabelsFrom[vocab.LabelKind].Expression
	for entrypoint, kind := range map[string]vocab.RunKind{template.Spec.Entrypoint: vocab.RunDrill, vocab.EntrypointPlanRestore: vocab.RunRestorePlan} {
		got, err := expr.Eval(label, env.GetFuncMap(argotemplate.EnvMap(map[string]string{"workflow.mainEntrypoint": entrypoint})))
		if err != nil || got != string(kind) || template.GetTemplateByName(entrypoint) == nil {
			t.Errorf("entrypoint %s: kind %v, %v; want %s", entrypoint, got, err, kind)
		}
	}
	title, err := argotemplate.Replace(strconv.Quote(template.Spec.WorkflowMetadata.Annotations["workflows.argoproj.io/title"]), map[string]any{
		"workflow.mainEntrypoint": vocab.EntrypointPlanRestore, "workflow.parameters.cluster": "orders", "workflow.parameters.drill": "",
	}, false)
	if err != nil || title != `"plan-restore orders "` {
		t.Errorf("the title is %s, %v", title, err)
	}
	plan := template.GetTemplateByName(vocab.EntrypointPlanRestore)
	for _, name := range []string{vocab.OutputResult, vocab.OutputMessage, vocab.OutputPlan} {
		i := slices.IndexFunc(plan.Outputs.Parameters, func(p wfv1.Parameter) bool {
			return p.Name == name && p.GlobalName == name && p.ValueFrom.Default != nil
		})
		if i < 0 {
			t.Errorf("there is no global output %s with a default", name)
		}
	}
	// Neither a refusal nor what is not proven is tried again, or taken for a success.
	for code, again := range map[string]bool{"1": false, "2": false, "20": false, "21": false, "137": true, "-1": true} {
		if got := triesAgain(t, plan.RetryStrategy, code, "main: Error"); got != again {
			t.Errorf("exit code %s: another pod %t, want %t", code, got, again)
		}
	}
	if plan.ServiceAccountName != "" || template.Spec.ServiceAccountName != "pgbackrest-runner" || plan.Synchronization != nil {
		t.Error("the plan has not the rights of a run, or waits for a lock")
	}
	spec := &wfv1.WorkflowSpec{
		WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.DrillTemplate}, Entrypoint: vocab.EntrypointPlanRestore,
		Arguments: wfv1.Arguments{Parameters: []wfv1.Parameter{{Name: vocab.ParamCluster, Value: wfv1.AnyStringPtr("orders")}, {Name: vocab.ParamTo, Value: wfv1.AnyStringPtr("latest")}}},
	}
	if err := validate.ValidateWorkflow(namespace(t), noClusterTemplates, &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, Spec: *spec}, nil, validate.ValidateOpts{}); err != nil {
		t.Error(err)
	}
	if err := util.ValidateUserOverrides(spec); err != nil {
		t.Error(err)
	}
}

// TestPlanParametersAsArgoPassesThem: a moment with blanks and signs is one argument.
func TestPlanParametersAsArgoPassesThem(t *testing.T) {
	t.Parallel()
	globals := map[string]string{"workflow.namespace": "shop"}
	for name, value := range map[string]string{vocab.ParamCluster: "orders", vocab.ParamTo: "2026-11-28 14:03:00+01", vocab.ParamSet: "", vocab.ParamRepo: "2", vocab.ParamZone: "Europe/Vienna"} {
		globals["workflow.parameters."+name] = value
	}
	plan, err := common.ProcessArgs(drillTemplate(t).GetTemplateByName(vocab.EntrypointPlanRestore), &wfv1.Arguments{}, globals, map[string]string{}, false, "shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--namespace=shop", "--to=2026-11-28 14:03:00+01", "--set=", "--repo=2", "--zone=Europe/Vienna", "--outputs=/run/stanzaflow", "--", "orders"}
	if !slices.Equal(plan.Container.Args, want) {
		t.Errorf("arguments %q, want %q", plan.Container.Args, want)
	}
}
