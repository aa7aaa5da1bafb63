// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// SetDrills sets spec.drills, given as JSON, and waits until a drill can be started.
func (k *Kit) SetDrills(t testing.TB, drills string) {
	t.Helper()
	k.PatchStanza(t, `{"spec":{"drills":`+drills+`}}`)
	var want []stanzaflowv1alpha1.Drill
	if err := json.Unmarshal([]byte(drills), &want); err != nil {
		t.Fatal(err)
	}
	wait.Until(t, time.Minute, "the operator has described the drills", func() (bool, string) {
		var config corev1.ConfigMap
		if err := k.TryGet(t.Context(), "cluster"+vocab.DrillConfigSuffix, &config); err != nil {
			return false, fmt.Sprintf("%v, %+v", err, k.Stanza(t).Status.Conditions)
		}
		written := config.Data[vocab.DrillConfigDrills]
		missing := slices.ContainsFunc(want, func(d stanzaflowv1alpha1.Drill) bool {
			text, err := json.Marshal(d)
			return err != nil || !strings.Contains(written, string(text))
		})
		return !missing, written
	})
}

// SubmitDrill starts a drill as `argo submit --from workflowtemplate/pgbackrest-drill`
// does, with parameters as name=value.
func (k *Kit) SubmitDrill(t testing.TB, parameters ...string) string {
	t.Helper()
	return k.submitDrillTemplate(t, "", parameters...)
}

// SubmitPlan is SubmitDrill with --entrypoint plan-restore.
func (k *Kit) SubmitPlan(t testing.TB, parameters ...string) string {
	t.Helper()
	return k.submitDrillTemplate(t, vocab.EntrypointPlanRestore, parameters...)
}

func (k *Kit) submitDrillTemplate(t testing.TB, entrypoint string, parameters ...string) string {
	t.Helper()
	workflow := &wfv1.Workflow{
		ObjectMeta: metav1.ObjectMeta{GenerateName: vocab.DrillTemplate + "-", Namespace: k.Namespace},
		Spec:       wfv1.WorkflowSpec{Entrypoint: entrypoint, WorkflowTemplateRef: &wfv1.WorkflowTemplateRef{Name: vocab.DrillTemplate}},
	}
	for _, parameter := range parameters {
		name, value, _ := strings.Cut(parameter, "=")
		workflow.Spec.Arguments.Parameters = append(workflow.Spec.Arguments.Parameters, wfv1.Parameter{Name: name, Value: wfv1.AnyStringPtr(value)})
	}
	if err := k.Client.Create(t.Context(), workflow); err != nil {
		t.Fatal(err)
	}
	return workflow.Name
}

// GoodDrill runs a drill, which must succeed, and returns what it has proven.
func (k *Kit) GoodDrill(t testing.TB, parameters ...string) (*wfv1.Workflow, report.Drill) {
	t.Helper()
	workflow, r := k.AwaitSuccess(t, k.SubmitDrill(t, parameters...))
	if r.Kind != vocab.RunDrill || r.Result != stanzaflowv1alpha1.RunSucceeded || r.Drill == nil {
		t.Fatalf("the report of drill %s says %+v", workflow.Name, r)
	}
	return workflow, *r.Drill
}

// BadDrill runs a drill, which must fail, and returns its report.
func (k *Kit) BadDrill(t testing.TB, parameters ...string) (*wfv1.Workflow, report.Report) {
	t.Helper()
	workflow := k.AwaitRun(t, k.SubmitDrill(t, parameters...))
	if workflow.Status.Phase == wfv1.WorkflowSucceeded {
		t.Fatalf("drill %s has succeeded: %s", workflow.Name, Output(workflow, vocab.OutputReport))
	}
	return workflow, Report(t, workflow)
}

// AwaitNoTraceOf waits until nothing is left of a drill but its Workflow: no pod, no volume.
func (k *Kit) AwaitNoTraceOf(t testing.TB, workflow string) {
	t.Helper()
	wait.Until(t, 15*time.Minute, "neither pod nor volume is left of "+workflow, func() (bool, string) {
		var pods corev1.PodList
		k.List(t, &pods, PodsOfRun(workflow))
		var claims corev1.PersistentVolumeClaimList
		k.List(t, &claims)
		var left []string
		for _, pod := range pods.Items {
			left = append(left, "pod "+pod.Name)
		}
		for _, claim := range claims.Items {
			if strings.Contains(claim.Name, workflow) {
				left = append(left, "claim "+claim.Name)
			}
		}
		return len(left) == 0, strings.Join(left, ", ")
	})
}

// Files are those of a repo: path, size and time, as repo-ls prints them.
type Files map[string]string

// RepoFiles lists the files of a repo.
func (k *Kit) RepoFiles(t testing.TB, pod, repo string) Files {
	t.Helper()
	var listed map[string]struct {
		Type string `json:"type"`
		Size int64  `json:"size"`
		Time int64  `json:"time"`
	}
	printed := k.Exec(t, pod, "pgbackrest", "repo-ls", "--repo="+repo, "--recurse", "--output=json")
	if err := json.Unmarshal([]byte(printed), &listed); err != nil {
		t.Fatalf("repo-ls prints %.200q: %v", printed, err)
	}
	files := Files{}
	for path, file := range listed {
		if file.Type == "file" {
			files[path] = fmt.Sprintf("%d bytes of %d", file.Size, file.Time)
		}
	}
	return files
}

// primaryWAL is what the primary itself archives, on its first timeline.
var primaryWAL = regexp.MustCompile(`^archive/db/[^/]+/00000001[0-9A-F]{8}/00000001[0-9A-F]{16}-[0-9a-f]{40}\.[a-z0-9]+$`)

// CheckUnchanged fails the test if a repo has another file than before, beside the WAL that
// the primary has archived meanwhile.
func CheckUnchanged(t testing.TB, before, after Files) {
	t.Helper()
	for path, file := range before {
		if after[path] != file {
			t.Errorf("%s was %s, and is %q after the drill", path, file, after[path])
		}
	}
	for path, file := range after {
		if _, was := before[path]; !was && !primaryWAL.MatchString(path) {
			t.Errorf("the drill has made %s, %s", path, file)
		}
	}
}
