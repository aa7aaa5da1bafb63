// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

// testWays follows docs/pre-deploy.md line by line, once for each of its ways. While the
// store is broken every way that waits must block, and when it is repaired let the deploy
// through. The ways by events only start a run, and only for the right event.
func testWays(t *testing.T) {
	w := newWays(t)
	w.wantHealth(t, "stanza/cluster", "Progressing")
	w.CreateAccounts(t)

	w.FakePgBackRest(t, kit.Primary, `' check '*|*' backup '*) echo "P00  ERROR: [062]: stop file exists for stanza db" >&2; exit 62`)
	w.deployEachWay(t, "blocked", false)
	if done := w.predeployRuns(t, wfv1.WorkflowSucceeded); len(done) != 0 {
		t.Errorf("these succeeded although the store was broken: %v", done)
	}
	for _, name := range w.predeployRuns(t, wfv1.WorkflowFailed) {
		w.wantHealth(t, "workflow/"+name, "Degraded")
	}

	w.FakePgBackRest(t, kit.Primary, "")
	want := w.Checksums(t, kit.Primary)
	outputs := w.deployEachWay(t, "let through", true)
	w.wantBackups(t, 1)
	for _, name := range w.predeployRuns(t, wfv1.WorkflowSucceeded) {
		w.wantHealth(t, "workflow/"+name, "Healthy")
	}
	wait.Until(t, 2*time.Minute, "Argo CD sees that the Stanza is healthy", func() (bool, string) {
		got := w.health(t, "stanza/cluster")
		return strings.HasPrefix(got, "Healthy "), got
	})

	t.Run("argo-events", w.testSensor)
	t.Run("argo-server", w.testWebhook)
	t.Run("the submitter may start nothing else", w.testSubmitter)

	w.PSQL(t, kit.Primary, "UPDATE account SET balance = 0")
	w.AwaitArchived(t)
	w.RestoreAndCompare(t, want, "restored", restoreOptions(t, outputs["kubectl"])...)

	w.PatchStanza(t, `{"spec":{"suspend":true}}`)
	w.awaitHealth(t, "Suspended ")
	w.PatchStanza(t, `{"spec":{"suspend":false,"timeZone":"Nowhere/Land"}}`)
	w.awaitHealth(t, "Degraded InvalidTimeZone: ")
}

// predeployWays are the ways of the page and what a person has who follows it.
type predeployWays struct {
	*kit.Kit

	application *kit.Kit // where Helm installs an application
	blocks      []walkthrough.Block
	checkout    map[string]string // for each way a copy
	bin         string            // programs
}

func newWays(t *testing.T) *predeployWays {
	t.Helper()
	text, err := os.ReadFile(program.Checkout + "/docs/pre-deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	w := &predeployWays{Kit: kit.New(t, "e2e-ways"), application: kit.New(t, "e2e-ways-application"), checkout: map[string]string{}, bin: t.TempDir()}
	if w.blocks, err = walkthrough.Blocks(string(text)); err != nil {
		t.Fatalf("docs/pre-deploy.md: %v", err)
	}
	tree, err := filepath.Abs(program.Checkout)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range walkthrough.PredeployWays {
		w.checkout[way] = copyCheckout(t, tree)
	}
	program.Run(t, tree, nil, "go", "build", "-buildvcs=false", "-modfile=hack/tools/helm.mod", "-o", w.bin+"/helm", "helm.sh/helm/v4/cmd/helm")
	for _, module := range []string{"argocd", "argoevents"} {
		program.Run(t, tree, nil, "go", "-C", "test/"+module, "build", "-o", w.bin+"/"+module, ".")
	}
	w.Apply(t, "ways", "ARGO-SERVER-IMAGE", program.Kubectl(t, "-n", "argo", "get", "deployment", "argo-server", "-o", "jsonpath={.spec.template.spec.containers[0].image}"))
	return w
}

// follow runs the lines of the page for a way. values replace those of the page.
func (w *predeployWays) follow(t *testing.T, way string, values map[string]string) (string, error) {
	t.Helper()
	all := map[string]string{"NAMESPACE": w.Namespace, "CLUSTER": "cluster"}
	maps.Copy(all, values)
	script, err := walkthrough.Script(w.blocks, "docs/pre-deploy.md", way, all)
	if err != nil {
		t.Fatal(err)
	}
	return program.TryRun(t.Context(), w.checkout[way], w.environment(t), "bash", "-c", script)
}

func (w *predeployWays) environment(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	return []string{
		"PATH=" + w.bin + ":" + os.Getenv("PATH"),
		"HELM_CONFIG_HOME=" + home, "HELM_CACHE_HOME=" + home, "HELM_DATA_HOME=" + home,
	}
}

// deployEachWay deploys at once in every way that waits, and compares whether each lets
// the deploy through. It returns what they print.
func (w *predeployWays) deployEachWay(t *testing.T, title string, through bool) map[string]string {
	t.Helper()
	outputs := map[string]string{}
	t.Run(title, func(t *testing.T) {
		for way, deploy := range map[string]func(*testing.T) (string, error){
			"argo-cd": w.deployByArgoCD,
			"helm": func(t *testing.T) (string, error) {
				return w.follow(t, "helm", map[string]string{"APPLICATION": w.application.Namespace, "OPERATOR_IMAGE": w.Image})
			},
			"argo":    func(t *testing.T) (string, error) { return w.follow(t, "argo", nil) },
			"kubectl": func(t *testing.T) (string, error) { return w.follow(t, "kubectl", nil) },
		} {
			t.Run(way, func(t *testing.T) {
				started := time.Now()
				out, err := deploy(t)
				t.Logf("%s took %s: %v\n%s", way, time.Since(started).Round(time.Second), err, out)
				outputs[way] = out
				if (err == nil) != through {
					t.Errorf("the deploy by %s goes on: %v, want %v", way, err == nil, through)
				}
			})
		}
	})
	want := map[bool]string{false: "1", true: "2"}[through]
	if got := program.Kubectl(t, "-n", w.application.Namespace, "get", "configmap", "shop", "-o", "jsonpath={.data.version}"); got != want {
		t.Errorf("Helm has version %q of the application, want %s", got, want)
	}
	if got := program.Kubectl(t, "-n", w.Namespace, "get", "configmap", "application", "--ignore-not-found", "-o", "name"); (got != "") != through {
		t.Errorf("Argo CD has applied %q", got)
	}
	return outputs
}

// predeployRuns lists the pre-deploy runs that have ended with a phase.
func (w *predeployWays) predeployRuns(t *testing.T, phase wfv1.WorkflowPhase) []string {
	t.Helper()
	var list wfv1.WorkflowList
	w.List(t, &list, client.MatchingLabels{vocab.LabelKind: string(vocab.RunPredeploy)})
	var names []string
	for _, workflow := range list.Items {
		if workflow.Status.Phase == phase {
			names = append(names, workflow.Name)
		}
	}
	if len(list.Items) < 4 {
		t.Errorf("there are %d pre-deploy runs, want one for each way at least", len(list.Items))
	}
	return names
}

// wantBackups counts the backups in the repo: all ways share one.
func (w *predeployWays) wantBackups(t *testing.T, want int) {
	t.Helper()
	if got := w.Backups(t, kit.Primary); len(got) != want {
		t.Errorf("there are %d backups, want %d: %+v", len(got), want, got)
	}
}

var restoreCommand = regexp.MustCompile(`(?m)^.*pgbackrest restore --stanza=db (.+)$`)

// restoreOptions finds the restore command in what a way prints.
func restoreOptions(t *testing.T, output string) []string {
	t.Helper()
	match := restoreCommand.FindStringSubmatch(output)
	if match == nil {
		t.Fatalf("it prints no restore command:\n%s", output)
	}
	return strings.Fields(match[1])
}
