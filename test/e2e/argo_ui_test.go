// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/argoui"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/page"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// The CronWorkflows of the story, one for each form of a run.
const (
	cronFull = "pgbackrest-cluster-repo1-full"
	cronIncr = "pgbackrest-cluster-repo1-incr"
)

// testArgoUI makes a run of each kind that a DBA meets, reads each as Argo's UI does, and
// compares what a person sees with docs/argo-ui.md.
func testArgoUI(t *testing.T) {
	u := newArgoUI(t)
	u.await(t, "the operator has made the stanza", func() bool { return len(u.list(t, vocab.LabelKind+"=stanza")) > 0 })
	u.AwaitIdle(t)

	u.full = u.press(t, cronFull, "full")
	u.incr = u.press(t, cronIncr, "incr")
	u.held, u.failed = u.hold(t), u.refuse(t)
	u.stopped, u.waited = u.stopOneWhileAnotherWaits(t)
	u.awaitPodsGone(t, u.full)
	u.awaitPodsGone(t, u.incr)

	u.page.Heading(2, "The list")
	u.page.Say("All runs of the database, the youngest first.")
	u.page.Table(u.table(t, vocab.LabelCluster+"=cluster"))
	u.page.Say("Only what is held: the label `%s=%s` as filter.", vocab.LabelResult, vocab.ShownHeld)
	u.page.Table(u.table(t, vocab.LabelResult+"="+string(vocab.ShownHeld)))
	u.page.Add(u.waiting)
	u.describe(t, "A good run in form dag", u.full)
	u.describe(t, "A good run in form pod", u.incr)
	u.describe(t, "A failed run", u.failed)
	u.describe(t, "A held run", u.held)
	u.describe(t, "A stopped run", u.stopped)
	u.describeSchedule(t)
	u.describeArchived(t)
	u.compare(t)
}

// argoUI is the story: the runs that it makes, and the page that it writes.
type argoUI struct {
	*kit.Kit

	ui     *argoui.Client
	info   argoui.Info
	stable *page.Stable
	page   *page.Page
	// waiting is the part of the page about a run that waits, seen before the others.
	waiting *page.Page

	full, incr, held, failed, stopped, waited *wfv1.Workflow
}

func newArgoUI(t *testing.T) *argoUI {
	t.Helper()
	u := &argoUI{Kit: kit.New(t, "e2e-argo-ui"), stable: page.NewStable(), page: page.New("argo-ui"), waiting: page.New("argo-ui")}
	var err error
	if u.ui, err = argoui.Find(t.Context(), u.Client); err != nil {
		t.Fatal(err)
	}
	if u.info, err = u.ui.Info(t.Context()); err != nil {
		t.Fatal(err)
	}
	u.forgetEarlierStories(t)
	u.Apply(t, "argo-ui")
	return u
}

// forgetEarlierStories removes from the archive what was run in a namespace of this name.
func (u *argoUI) forgetEarlierStories(t *testing.T) {
	t.Helper()
	for _, row := range u.list(t) {
		if err := u.ui.Forget(t.Context(), u.Namespace, string(row.UID)); err != nil {
			t.Fatal(err)
		}
	}
}

// press presses SUBMIT on the page of a CronWorkflow and waits for the proof.
func (u *argoUI) press(t *testing.T, cron, ending string) *wfv1.Workflow {
	t.Helper()
	workflow, err := u.ui.Submit(t.Context(), u.Namespace, cron)
	if err != nil {
		t.Fatal(err)
	}
	u.stable.Name(workflow.Name, ending)
	u.AwaitSuccess(t, workflow.Name)
	return u.shown(t, workflow.Name, vocab.ShownProven)
}

// submit starts a run by hand.
func (u *argoUI) submit(t *testing.T, form vocab.RunForm, ending string, parameters ...string) string {
	t.Helper()
	name := u.SubmitAs(t, form, append([]string{"cluster=cluster", "repo=repo1", "attempts=1"}, parameters...)...)
	u.stable.Name(name, ending)
	return name
}

// hold makes a run while the gate is false.
func (u *argoUI) hold(t *testing.T) *wfv1.Workflow {
	t.Helper()
	u.PatchStanza(t, `{"spec":{"gate":"lastBackup == nil"}}`)
	name := u.submit(t, vocab.FormPod, "held", "type=incr")
	u.AwaitRun(t, name)
	u.PatchStanza(t, `{"spec":{"gate":null}}`)
	return u.shown(t, name, vocab.ShownHeld)
}

// refuse makes a run while the store refuses the key.
func (u *argoUI) refuse(t *testing.T) *wfv1.Workflow {
	t.Helper()
	const file = "s3.conf"
	good := u.ReadSecret(t, "cluster-s3-credential", file)
	writeSecretIntoPod(t, u.Kit, map[string]string{file: strings.Replace(good, "key-secret=", "key-secret=not-", 1)})
	name := u.submit(t, vocab.FormDAG, "refused", "type=full")
	u.AwaitRun(t, name)
	writeSecretIntoPod(t, u.Kit, map[string]string{file: good})
	return u.shown(t, name, vocab.ShownFailed)
}

// stopOneWhileAnotherWaits presses STOP on a run in mid-backup, for whose end another run
// waits.
func (u *argoUI) stopOneWhileAnotherWaits(t *testing.T) (stopped, waited *wfv1.Workflow) {
	t.Helper()
	u.PSQL(t, kit.Primary, `CREATE TABLE filler AS SELECT i, repeat(md5(i::text || 'x'), 20) AS noise FROM generate_series(1, 400000) i`)
	u.FakePgBackRest(t, kit.Primary, `' backup '*) exec /usr/bin/pgbackrest "$@" --compress-type=gz --compress-level=9 --process-max=1`)
	first := u.submit(t, vocab.FormDAG, "stopped", "type=full")
	u.AwaitBackingUp(t)
	second := u.submit(t, vocab.FormPod, "waited", "type=incr")
	u.shown(t, second, vocab.ShownWaiting)

	u.waiting.Heading(2, "A run waits for another")
	u.waiting.Table(u.table(t, vocab.LabelCluster+"=cluster,"+vocab.LabelResult+" in ("+string(vocab.ShownRunning)+","+string(vocab.ShownWaiting)+")"))
	u.waiting.Say("The graph of the one that waits:")
	u.waiting.Block(argoui.Graph(u.read(t, second)))

	u.FakePgBackRest(t, kit.Primary, "")
	if _, err := u.ui.Press(t.Context(), "stop", u.Namespace, first); err != nil {
		t.Fatal(err)
	}
	u.AwaitRun(t, first)
	u.AwaitSuccess(t, second)
	return u.shown(t, first, vocab.ShownEnded), u.shown(t, second, vocab.ShownProven)
}

// shown waits until Argo shows a run once, with a result, and reads the run. A run that is
// archived again is there twice for a moment, or as it was archived before.
func (u *argoUI) shown(t *testing.T, name string, result vocab.ShownResult) *wfv1.Workflow {
	t.Helper()
	over := result != vocab.ShownWaiting
	wait.Until(t, 2*time.Minute, fmt.Sprintf("Argo shows run %s as %s", name, result), func() (bool, string) {
		var rows []string
		for _, row := range u.list(t, vocab.LabelCluster+"=cluster") {
			if row.Name == name {
				rows = append(rows, row.Labels[vocab.LabelResult]+" "+row.Labels[vocab.LabelArchiving])
			}
		}
		shown := len(rows) == 1 && strings.HasPrefix(rows[0], string(result)+" ") && (!over || !strings.HasSuffix(rows[0], vocab.ArchivingPending))
		return shown, fmt.Sprintf("%q", rows)
	})
	return u.read(t, name)
}

func (u *argoUI) list(t *testing.T, labels ...string) []wfv1.Workflow {
	t.Helper()
	list, err := u.ui.List(t.Context(), u.Namespace, labels...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (u *argoUI) table(t *testing.T, labels ...string) string {
	t.Helper()
	return argoui.Table(u.list(t, labels...), u.info.Columns)
}

func (u *argoUI) read(t *testing.T, name string) *wfv1.Workflow {
	t.Helper()
	workflow, err := u.ui.Workflow(t.Context(), u.Namespace, name, "")
	if err != nil {
		t.Fatal(err)
	}
	return workflow
}

func (u *argoUI) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	wait.Until(t, 2*time.Minute, what, func() (bool, string) { return condition(), "not yet" })
}

// awaitPodsGone waits until Argo has deleted the pods of a good run.
func (u *argoUI) awaitPodsGone(t *testing.T, workflow *wfv1.Workflow) {
	t.Helper()
	wait.Until(t, 3*time.Minute, "the pods of run "+workflow.Name+" are gone", func() (bool, string) {
		var pods corev1.PodList
		err := u.TryList(t.Context(), &pods, kit.PodsOfRun(workflow.Name))
		return err == nil && len(pods.Items) == 0, fmt.Sprintf("%v, %d pods", err, len(pods.Items))
	})
}

// describe writes what the page of a run shows.
func (u *argoUI) describe(t *testing.T, title string, workflow *wfv1.Workflow) {
	t.Helper()
	workflow = u.read(t, workflow.Name)
	u.page.Heading(2, title)
	u.page.Say("Buttons: %s.", join(argoui.Buttons(workflow, u.info.Links)))
	for _, link := range u.info.Links {
		u.page.Say("%s leads to `%s`.", strings.ToUpper(link.Name), argoui.Link(link, workflow))
	}
	u.page.Table(argoui.Summary(workflow))
	u.page.Say("The graph, with the message of each node:")
	u.page.Block(argoui.Graph(workflow))
	u.describeOutputs(workflow)
	u.describeLogs(t, workflow)
}

func (u *argoUI) describeOutputs(workflow *wfv1.Workflow) {
	if node, ok := argoui.WithInputs(workflow); ok {
		u.page.Say("INPUTS/OUTPUTS of the node `%s`, what it gets from the steps before it:", node.DisplayName)
		u.page.Table(argoui.Parameters(node.Inputs.Parameters))
	}
	node, ok := argoui.WithOutputs(workflow)
	if !ok {
		u.page.Say("No node has outputs.")
		return
	}
	u.page.Say("INPUTS/OUTPUTS of the node `%s`:", node.DisplayName)
	u.page.Table(argoui.Parameters(node.Outputs.Parameters))
	var names []string
	for _, artifact := range node.Outputs.Artifacts {
		names = append(names, "`"+artifact.Name+"`")
	}
	if len(names) > 0 {
		slices.Sort(names)
		u.page.Say("Artifacts: %s.", join(names))
	}
}

// describeLogs writes how the log of each container ends.
func (u *argoUI) describeLogs(t *testing.T, workflow *wfv1.Workflow) {
	t.Helper()
	text := ""
	for _, node := range argoui.Nodes(workflow) {
		if node.Type != wfv1.NodeTypePod {
			continue
		}
		for _, container := range argoui.Containers(workflow, node) {
			text += u.log(t, workflow, node, container)
		}
	}
	u.page.Say("LOGS, how each container ends:")
	u.page.Block(text)
}

func (u *argoUI) log(t *testing.T, workflow *wfv1.Workflow, node wfv1.NodeStatus, container string) string {
	t.Helper()
	lines, source, err := u.ui.Logs(t.Context(), workflow, node, container)
	end := "(nothing)"
	if err != nil {
		end = err.Error()
	} else if len(lines) > 0 {
		end = lines[len(lines)-1]
	}
	return fmt.Sprintf("%s / %s, from the %s:\n  %s\n", node.DisplayName, container, source, end)
}

// describeSchedule writes the page of a CronWorkflow and that of the template.
func (u *argoUI) describeSchedule(t *testing.T) {
	t.Helper()
	cron, err := u.ui.CronWorkflow(t.Context(), u.Namespace, cronIncr)
	if err != nil {
		t.Fatal(err)
	}
	u.page.Heading(2, "A schedule")
	u.page.Say("The CronWorkflow `%s`, in the list: %s. Its page has the table of its runs, those of SUBMIT included:",
		cron.Name, argoui.CronTitle(cron))
	u.page.Table(u.table(t, "workflows.argoproj.io/cron-workflow="+cron.Name))
	u.page.Say("The page of the template `%s` has all runs:", vocab.DefaultWorkflowTemplate)
	u.page.Table(u.table(t, "workflows.argoproj.io/workflow-template="+vocab.DefaultWorkflowTemplate))
}

// describeArchived deletes the Workflow of a good run and reads the run again.
func (u *argoUI) describeArchived(t *testing.T) {
	t.Helper()
	program.Kubectl(t, "delete", "workflow", "-n", u.Namespace, u.full.Name)
	u.page.Heading(2, "After the Workflow has been deleted")
	u.page.Table(u.table(t, vocab.LabelResult+"="+string(vocab.ShownProven)))
	gone, err := u.ui.Archived(t.Context(), u.Namespace, string(u.full.UID))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := u.ui.Workflow(t.Context(), u.Namespace, u.full.Name, string(u.full.UID)); err != nil || again.UID != u.full.UID {
		t.Errorf("the address of the run does not find it any more: %v", err)
	}
	u.page.Say("Buttons: %s.", join(argoui.Buttons(gone, u.info.Links)))
	u.page.Say("Its page shows the same graph and outputs, and the logs of the artifacts:")
	u.page.Block(argoui.Graph(gone))
	u.describeOutputs(gone)
	u.describeLogs(t, gone)
}

// compare holds the page against the document.
func (u *argoUI) compare(t *testing.T) {
	t.Helper()
	const document = program.Checkout + "/docs/argo-ui.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want, err := u.page.Into(string(text), u.stable)
	if err != nil {
		t.Fatal(err)
	}
	goldentest.Check(t, document, want)
}

func join(texts []string) string { return strings.Join(texts, " · ") }
