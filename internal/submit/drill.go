// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// CheckedDrill is a drill that can be submitted.
type CheckedDrill struct {
	Run       workflow.Drill
	Namespace string
	// Warnings are sentences about what does not prevent the drill from being started.
	Warnings []string
}

// CheckDrill refuses a drill that cannot begin. Its errors name the object and what to do.
func CheckDrill(ctx context.Context, from Finder, r Request) (CheckedDrill, error) {
	c := CheckedDrill{Namespace: r.Namespace, Run: workflow.Drill{Cluster: r.Cluster, Name: r.Drill, Target: r.Target, Trigger: vocab.TriggerManual}}
	cluster, _, err := from.Postgresql(ctx, r.Namespace, r.Cluster)
	switch {
	case err != nil:
		return c, explainPostgresql(ctx, from, r, err)
	case cluster.PgBackRest == nil:
		return c, fmt.Errorf("postgresql %s/%s has no %s, so it has no backup to restore", r.Namespace, r.Cluster, cpo.Section)
	}
	if why := cluster.Operation.Held(); why != "" {
		c.warn("no drill of postgresql %s/%s can run now, so it will be held: %s", r.Namespace, r.Cluster, why)
	}
	if cluster.Operation.Encrypted {
		c.warn("postgresql %s/%s sets spec.tde, so the drill will be held: it has no key to the files of the database", r.Namespace, r.Cluster)
	}
	stanza, err := from.Stanza(ctx, r.Namespace, r.Cluster)
	if err != nil {
		return c, explain(err, "get", "stanzas."+vocab.Domain, "Stanza", r.Namespace, r.Cluster)
	}
	if err := checkAsked(r, stanza.Spec); err != nil {
		return c, err
	}
	return c, c.checkTemplate(ctx, from)
}

func (c *CheckedDrill) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

// checkAsked refuses a drill for which the operator has described no pod, and one that the
// Stanza does not have.
func checkAsked(r Request, spec stanzaflowv1alpha1.StanzaSpec) error {
	if len(spec.Drills) == 0 && spec.RestorePod == nil {
		return fmt.Errorf("the Stanza of postgresql %s/%s sets neither spec.drills nor spec.restorePod, so there is no pod to restore in: set spec.restorePod: {} (docs/stanza.md#drills)", r.Namespace, r.Cluster)
	}
	var names []string
	for _, d := range spec.Drills {
		names = append(names, d.Name)
	}
	if r.Drill == "" || slices.Contains(names, r.Drill) {
		return nil
	}
	what := fmt.Sprintf("the Stanza of postgresql %s/%s has no drill %s", r.Namespace, r.Cluster, r.Drill)
	if hint := nearmiss.DidYouMean(r.Drill, names); hint != "" {
		return errors.New(what + hint)
	}
	if len(names) > 0 {
		return errors.New(what + ", only " + strings.Join(names, ", "))
	}
	return errors.New(what + " in spec.drills; leave --drill out")
}

func (c *CheckedDrill) checkTemplate(ctx context.Context, from Finder) error {
	const resource = "workflowtemplates.argoproj.io"
	name := vocab.DrillTemplate
	template, err := from.Template(ctx, c.Namespace, name)
	switch {
	case apierrors.IsForbidden(err):
		c.warn("WorkflowTemplate %s was not checked: you may not get %s in namespace %s", name, resource, c.Namespace)
		return nil
	case notServed(err):
		return noArgo()
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no WorkflowTemplate %s in namespace %s: install it with kubectl apply -k workflows/ -n %s", name, c.Namespace, c.Namespace)
	case err != nil:
		return explain(err, "get", resource, "WorkflowTemplate", c.Namespace, name)
	case template.Labels[vocab.LabelContract] != vocab.DrillContract:
		return fmt.Errorf("WorkflowTemplate %s in namespace %s has the label %s=%s, and this program needs %s: use the program of the release that is installed, or upgrade the template (docs/install.md#upgrade)",
			name, c.Namespace, vocab.LabelContract, template.Labels[vocab.LabelContract], vocab.DrillContract)
	}
	if findings := contract.CheckDrill(template); len(findings) > 0 {
		return errors.New("WorkflowTemplate " + name + " in namespace " + c.Namespace + " " + contract.DrillSentence(findings))
	}
	return nil
}

// describe says in a few words what a drill is for.
func (c CheckedDrill) describe() string {
	what := "drill " + cmp.Or(c.Run.Name, "by hand") + " of postgresql " + c.Run.Cluster
	if c.Run.Target != "" {
		what += " to " + c.Run.Target
	}
	return what + "; it restores into a pod of its own"
}

// judgeDrill returns the verdict about a drill that is over.
func judgeDrill(workflow *wfv1.Workflow, run outcome.Run, said report.Report) Verdict {
	if run.Status.Result == stanzaflowv1alpha1.RunSucceeded && run.Kind == vocab.RunDrill && run.Tried != nil {
		return Verdict{Result: run.Status.Result, Text: restored(workflow, said)}
	}
	if run.Status.Result == stanzaflowv1alpha1.RunSucceeded {
		run.Status.Result, run.Status.Message = stanzaflowv1alpha1.RunUnknown, "the drill has no report that can be read"
	}
	word := string(run.Status.Result)
	if run.Tried != nil && run.Tried.DataMissing {
		word += ", data are missing"
	}
	return Verdict{Result: run.Status.Result, Text: []string{
		fmt.Sprintf("%s, nothing is proven: %s", word, cmp.Or(run.Status.Message, "the drill does not say why")),
		"Runbook: " + drillRunbook(run),
	}}
}

func drillRunbook(run outcome.Run) string {
	switch {
	case run.Status.Result == stanzaflowv1alpha1.RunHeld:
		return runbookHeld
	case run.Tried != nil && run.Tried.DataMissing:
		return "docs/runbooks/StanzaflowDataNotRecovered.md"
	}
	return "docs/runbooks/StanzaflowDrillFailed.md"
}

// restored says what a good drill has done, and how long it took.
func restored(workflow *wfv1.Workflow, said report.Report) []string {
	d := said.Drill
	took := func(seconds float64) string {
		return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
	}
	var checks []string
	for _, check := range d.Checks {
		checks = append(checks, check.Name)
	}
	lines := []string{
		fmt.Sprintf("Proven: postgresql %s/%s was restored from backup %s in %s, target %s: a database of %s.",
			workflow.Namespace, said.Cluster, d.Backup, said.Repo, d.Target, report.FormatBytes(d.DatabaseBytes)),
		fmt.Sprintf("  RTO     %s: restore %s, replay of %s WAL %s, first query %s; the pod took %s to start", took(d.RestoreSeconds+d.ReplaySeconds+d.FirstQuerySeconds),
			took(d.RestoreSeconds), report.FormatBytes(d.WALBytes), took(d.ReplaySeconds), took(d.FirstQuerySeconds), took(d.ProvisionSeconds)),
	}
	if d.RPOSeconds != nil {
		lines = append(lines, "  RPO     "+took(*d.RPOSeconds)+" of commits would have been lost with the primary when the drill began")
	}
	if d.RecoveredTo != nil {
		lines = append(lines, "  to      "+d.RecoveredTo.UTC().Format("2006-01-02T15:04:05.000000Z"))
	}
	return append(lines, "  checks  "+strings.Join(checks, ", "))
}
