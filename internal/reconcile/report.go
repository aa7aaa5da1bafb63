// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// report writes the status, if it has changed. The write carries the resource
// version of what the status was made from: a Stanza that has changed since is
// a conflict, so that a late cache can never take a run back.
func (c *Controller) report(ctx context.Context, stanza *stanzaflowv1alpha1.Stanza, status stanzaflowv1alpha1.StanzaStatus) error {
	if equality.Semantic.DeepEqual(stanza.Status, status) {
		return nil
	}
	stanza = stanza.DeepCopy()
	stanza.Status = status
	if err := c.client.Status().Update(ctx, stanza, client.FieldOwner(vocab.FieldManager)); err != nil {
		return fmt.Errorf("cannot write the status of Stanza %s/%s: %w", stanza.Namespace, stanza.Name, err)
	}
	return nil
}

// finding is one thing that is wrong, or waited for.
type finding struct{ reason, message string }

// conditionsFor tells what a pass found. It is pure; the messages hold no time
// and no name that changes from run to run.
func conditionsFor(p pass, status stanzaflowv1alpha1.StanzaStatus) []metav1.Condition {
	conditions := []metav1.Condition{accepted(p), programmed(p), backupHealthy(status)}
	conditions = append([]metav1.Condition{ready(conditions)}, conditions...)
	if p.State.suspend() {
		conditions = append(conditions, condition(vocab.ConditionSuspended, metav1.ConditionTrue, vocab.ReasonSuspendedByUser,
			"The Stanza sets spec.suspend, so no schedule starts a run"))
	}
	return conditions
}

// ready is False with the first condition that is.
func ready(conditions []metav1.Condition) metav1.Condition {
	for _, c := range conditions {
		if c.Status == metav1.ConditionFalse {
			return condition(vocab.ConditionReady, metav1.ConditionFalse, c.Reason, c.Message)
		}
	}
	return condition(vocab.ConditionReady, metav1.ConditionTrue, vocab.ReasonReady,
		"Every schedule is in force and no backup is known to be missing")
}

func accepted(p pass) metav1.Condition {
	if p.State.Postgresql == nil {
		return condition(vocab.ConditionAccepted, metav1.ConditionFalse, vocab.ReasonClusterNotFound,
			"There is no postgresql "+p.State.Key.Name+" in namespace "+p.State.Key.Namespace)
	}
	if len(p.Plan.Problems) == 0 {
		return condition(vocab.ConditionAccepted, metav1.ConditionTrue, vocab.ReasonAccepted, "Every backup setting is understood")
	}
	var texts []string
	for _, problem := range p.Plan.Problems {
		texts = append(texts, problemText(problem))
	}
	for _, object := range p.kept() {
		texts = append(texts, keptText(object))
	}
	return condition(vocab.ConditionAccepted, metav1.ConditionFalse, p.Plan.Problems[0].Reason, texts...)
}

// kept are the objects that a Problem keeps.
func (p pass) kept() []*unstructured.Unstructured { return p.Todo.Keep }

func problemText(p translate.Problem) string {
	return p.Kind + " field " + p.Field + " " + p.Message
}

func keptText(object *unstructured.Unstructured) string {
	if text := scheduleText(object); text != "" {
		return id(object) + " keeps its last good schedule " + text
	}
	return id(object) + " stays as it is"
}

// programmed: what is wrong first, then what only takes its time. Status True
// with another reason than Programmed means that all that was planned is there,
// and that there is something to wait for or to know.
func programmed(p pass) metav1.Condition {
	findings := slices.Concat(argoFindings(p), templateFindings(p), p.State.Skew.Wrong, foreignFindings(p), p.Todo.Mismatched, failureFindings(p), verdictFindings(p))
	if len(findings) > 0 {
		return condition(vocab.ConditionProgrammed, metav1.ConditionFalse, findings[0].reason, messages(findings)...)
	}
	var notes []finding
	for _, object := range p.Done.Draining {
		notes = append(notes, finding{vocab.ReasonDraining, id(object) + " is suspended and will be deleted when no run of it goes on"})
	}
	notes = append(notes, p.State.Skew.Notes...)
	if len(notes) > 0 {
		return condition(vocab.ConditionProgrammed, metav1.ConditionTrue, notes[0].reason, messages(notes)...)
	}
	return condition(vocab.ConditionProgrammed, metav1.ConditionTrue, vocab.ReasonProgrammed, "Everything that is planned is in place")
}

func messages(findings []finding) []string {
	texts := make([]string, 0, len(findings))
	for _, f := range findings {
		texts = append(texts, f.message)
	}
	return texts
}

func argoFindings(p pass) []finding {
	missing := !p.State.ArgoInstalled
	for _, f := range p.Done.Failures {
		missing = missing || f.argoMissing()
	}
	if !missing || p.State.Postgresql == nil {
		return nil
	}
	return []finding{{
		vocab.ReasonArgoNotInstalled,
		"The resources of Argo Workflows (" + wfv1.SchemeGroupVersion.String() + ") are not installed; install Argo Workflows",
	}}
}

func templateFindings(p pass) []finding {
	template, namespace := p.State.Template, p.State.Key.Namespace
	install := "install it with kubectl apply -k workflows/ -n " + namespace
	switch {
	case !p.State.ArgoInstalled, len(p.Plan.CronWorkflows) == 0:
		return nil
	case !template.Found:
		return []finding{{
			vocab.ReasonWorkflowTemplateMissing,
			"There is no WorkflowTemplate " + template.Name + " in namespace " + namespace + "; " + install,
		}}
	case !template.usable():
		return []finding{{vocab.ReasonWorkflowTemplateInvalid, fmt.Sprintf(
			"WorkflowTemplate %s in namespace %s has label %s=%s, not %s; %s",
			template.Name, namespace, vocab.LabelContract, cmp.Or(template.Contract, "(none)"), vocab.TemplateContract, install)}}
	}
	return nil
}

func foreignFindings(p pass) []finding {
	var findings []finding
	for _, object := range slices.Concat(p.Todo.Refuse, p.Done.Refused) {
		findings = append(findings, finding{
			vocab.ReasonNotOwned,
			id(object) + " exists and is not managed by " + vocab.ManagedBy + " for this cluster; " + handOver(object, p.State.Key.Name),
		})
	}
	return findings
}

// handOver says what to do about an object that is not ours. A claim may hold
// backups: it is the only one that nobody should be told to remove.
func handOver(object *unstructured.Unstructured, cluster string) string {
	if object.GetKind() == claimKind.Kind {
		return fmt.Sprintf("if it holds the backups of this cluster, hand it over: kubectl label pvc -n %s %s %s=%s %s=%s",
			object.GetNamespace(), object.GetName(), vocab.LabelManagedBy, vocab.ManagedBy, vocab.LabelCluster, cluster)
	}
	return "remove it, or rename the cluster"
}

func failureFindings(p pass) []finding {
	var findings []finding
	for _, f := range p.Done.Failures {
		switch {
		case quiet(f.Err), f.argoMissing():
		case f.certManagerMissing():
			findings = append(findings, finding{
				vocab.ReasonCertManagerNotInstalled,
				"the Stanza names an issuer, and the resources of cert-manager (" + certificateKind.GroupVersion().String() +
					") are not installed; install cert-manager, or remove spec.certificate.issuerRef",
			})
		default:
			findings = append(findings, finding{vocab.ReasonApplyFailed, "cannot " + f.What + ": " + plain(f.Err)})
		}
	}
	return findings
}

// verdictFindings are what Argo says of the CronWorkflows that it has read.
func verdictFindings(p pass) []finding {
	var findings []finding
	for _, object := range p.Done.InForce {
		conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		for _, c := range conditions {
			verdict, ok := c.(map[string]any)
			if !ok || verdict["status"] != "True" ||
				verdict["type"] != string(wfv1.ConditionTypeSpecError) && verdict["type"] != string(wfv1.ConditionTypeSubmissionError) {
				continue
			}
			findings = append(findings, finding{
				vocab.ReasonRejectedByArgo,
				fmt.Sprintf("Argo does not run %s: %v", id(object), verdict["message"]),
			})
		}
	}
	return findings
}

// backupHealthy sums up the schedules: the worst of them says it. A run that
// goes on does not change what is known; the one before it still counts. What is
// overdue is in the message whatever the reason, and before what may be long.
func backupHealthy(status stanzaflowv1alpha1.StanzaStatus) metav1.Condition {
	if len(status.Schedules) == 0 {
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionUnknown, vocab.ReasonNoSchedule, "No schedule is in force")
	}
	texts, late, proven := map[string][]string{}, []string(nil), false
	for _, entry := range status.Schedules {
		name := backupName(entry.Type, entry.Repo)
		last := lastFinished(entry)
		switch reason := verdict(last); reason {
		case "":
		case vocab.ReasonSucceeded:
			proven = true
		default:
			texts[reason] = append(texts[reason], runText(reason, name, last.Message))
		}
		if cause := heldByCluster(entry); cause != "" {
			texts[vocab.ReasonHeld] = append([]string{heldText(cause)}, texts[vocab.ReasonHeld]...)
		}
		if entry.Overdue {
			texts[vocab.ReasonOverdue] = append(texts[vocab.ReasonOverdue], overdueText(entry))
			late = append(late, entry.Type+" of "+entry.Repo)
		}
	}
	for _, reason := range []string{vocab.ReasonLastRunFailed, vocab.ReasonHeld, vocab.ReasonRetentionFailed} {
		if len(texts[reason]) == 0 {
			continue
		}
		told := texts[reason]
		if len(late) > 0 {
			told = append([]string{"overdue: " + strings.Join(late, ", ")}, told...)
		}
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionFalse, reason, told...)
	}
	if len(late) > 0 {
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionFalse, vocab.ReasonOverdue, texts[vocab.ReasonOverdue]...)
	}
	if !proven {
		return condition(vocab.ConditionBackupHealthy, metav1.ConditionUnknown, vocab.ReasonNoRunYet,
			"No run has ended yet; until the first one has made the stanza, PostgreSQL cannot archive and keeps its WAL")
	}
	return condition(vocab.ConditionBackupHealthy, metav1.ConditionTrue, vocab.ReasonSucceeded, "The last run of every schedule that was due is proven")
}

// verdict on the last run of a schedule that is over, empty without one.
func verdict(run *stanzaflowv1alpha1.RunStatus) string {
	switch {
	case run == nil:
		return ""
	case run.Result == stanzaflowv1alpha1.RunHeld:
		return vocab.ReasonHeld
	case run.Result != stanzaflowv1alpha1.RunSucceeded:
		return vocab.ReasonLastRunFailed
	case run.Retention == outcome.RetentionFailed:
		return vocab.ReasonRetentionFailed
	}
	return vocab.ReasonSucceeded
}

func runText(reason, name, message string) string {
	switch reason {
	case vocab.ReasonHeld:
		return "last " + name + " was held: " + message
	case vocab.ReasonRetentionFailed:
		return "last " + name + ": " + message
	}
	return "last " + name + " failed: " + message
}

// heldText tells what holds every schedule.
func heldText(cause string) string { return "no schedule can make a backup: " + cause }

// overdueText: where the last run and the cluster have nothing to say for it, the
// schedule did not start.
func overdueText(entry stanzaflowv1alpha1.ScheduleStatus) string {
	name := backupName(entry.Type, entry.Repo)
	if reason := verdict(lastFinished(entry)); entry.Held == "" && reason != vocab.ReasonLastRunFailed {
		return name + " was due and did not run; look at CronWorkflow " + entry.CronWorkflow + " and at Argo's workflow controller"
	}
	return name + " was due, and no backup has been proven since"
}

func backupName(backupType, repo string) string { return backupType + " backup of " + repo }

// condition with one message made of several texts. Their order is that of the
// objects, which are sorted; the same text is told once.
func condition(kind string, status metav1.ConditionStatus, reason string, texts ...string) metav1.Condition {
	var parts []string
	for _, text := range texts {
		text = strings.TrimRight(strings.TrimSpace(text), ".: ")
		if text != "" && !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: report.OneLine(capital(strings.Join(parts, "; ")))}
}

// capital makes the first letter of a sentence one.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
