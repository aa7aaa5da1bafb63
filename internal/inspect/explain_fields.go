// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// pages of the documents.
const (
	pageConditions = "docs/conditions.md"
	pageAccepted   = "docs/conditions.md#accepted"
	pageProgrammed = "docs/conditions.md#programmed"
	pageHealthy    = "docs/conditions.md#backuphealthy"
	pageOverdue    = "docs/runbook.md#overdue"
	pageHeld       = "docs/runbook.md#held"
	pageEnded      = "docs/runbook.md#a-run-that-was-ended"
	pageNoMessage  = "docs/runbook.md#the-run-left-no-message-of-its-own"
)

func readMore(page string) Link { return Link{"runbook", failure.PageURL(page)} }

// notGood returns a condition if it is False, Unknown, or True with more to say.
func notGood(f Facts, kind string) *metav1.Condition {
	c := conditionOf(f.Stanza, kind)
	if c == nil || c.Status == metav1.ConditionTrue && (c.Reason == string(good[kind]) || c.Reason == string(vocab.ReasonDraining)) {
		return nil
	}
	return c
}

func findingOf(c *metav1.Condition, chain ...Link) Finding {
	return Finding{Condition: c.Type, Status: c.Status, Reason: c.Reason, Chain: chain}
}

// fieldText begins each Problem in the message of Accepted.
var fieldText = regexp.MustCompile(`(?:^|; )([Pp]ostgresql|[Ss]tanza) field (\S+) `)

// explainAccepted is about the fields that the operator does not take.
func explainAccepted(e *Explanation, f Facts) {
	c := notGood(f, vocab.ConditionAccepted)
	if c == nil {
		return
	}
	var chain []Link
	var edit []string
	found := fieldText.FindAllStringSubmatchIndex(c.Message, -1)
	for i, at := range found {
		end := len(c.Message)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		kind := strings.ToLower(c.Message[at[2]:at[3]])
		chain = append(chain, Link{"field", c.Message[at[4]:at[5]] + " of the " + kind}, Link{"problem", c.Message[at[1]:end]})
		if command := fmt.Sprintf("kubectl -n %s edit %s %s", f.Namespace, kind, f.Cluster); !slices.Contains(edit, command) {
			edit = append(edit, command)
		}
	}
	if len(chain) == 0 {
		chain = []Link{{"problem", lowerFirst(c.Message)}}
	}
	e.add(findingOf(c, append(chain, readMore(pageAccepted))...), edit...)
}

// explainProgrammed is about what is not in place.
func explainProgrammed(e *Explanation, f Facts) {
	explainRenewal(e, f)
	c := notGood(f, vocab.ConditionProgrammed)
	if c == nil {
		return
	}
	var chain []Link
	var commands []string
	is := func(reasons ...vocab.Reason) bool { return slices.Contains(reasons, vocab.Reason(c.Reason)) }
	switch {
	case is(vocab.ReasonWorkflowTemplateMissing, vocab.ReasonWorkflowTemplateInvalid):
		chain = append(chain, Link{"field", schedulesText(f)}, Link{"WorkflowTemplate", templateText(f)})
		commands = []string{applyTemplate(f)}
	case is(vocab.ReasonCertificateExpires):
		chain = append(chain, certificateLinks(f)...)
	case is(vocab.ReasonRejectedByArgo):
		chain = append(chain, Link{"field", schedulesText(f)})
		commands = []string{fmt.Sprintf("kubectl -n %s get cronworkflows -l %s -o yaml", f.Namespace, ofCluster(f.Cluster))}
	case is(vocab.ReasonPolicyMismatch, vocab.ReasonPolicyMissing, vocab.ReasonCRDOutdated, vocab.ReasonSkewUnknown, vocab.ReasonArgoNotInstalled):
		commands = []string{"kubectl stanzaflow doctor"}
	}
	chain = append(chain, Link{"message", lowerFirst(c.Message)}, readMore(pageProgrammed))
	e.add(findingOf(c, chain...), commands...)
}

// schedulesText is the schedules of the cluster as the resource has them.
func schedulesText(f Facts) string {
	if f.Stanza.Status.Schedule == "" {
		return "the schedules of the postgresql"
	}
	return "the schedules of the postgresql: " + f.Stanza.Status.Schedule
}

func templateText(f Facts) string {
	name := workflow.TemplateName(f.Stanza.Spec)
	switch f.Template {
	case Missing:
		return fmt.Sprintf("%s does not exist in namespace %s, so no run can start", name, f.Namespace)
	case Found:
		return name + " exists, and the operator does not start runs from it"
	}
	return name + ": it is not known whether it exists"
}

// applyTemplate is the command that installs the template, in the mode of the cluster.
func applyTemplate(f Facts) string {
	folder := "workflows/"
	if c := f.Stanza.Status.Configuration; c != nil && c.Provisioner == string(vocab.ProvisionedByCPO) || len(f.Stanza.Status.CronJobs) > 0 {
		folder = "deploy/overlays/alongside-workflows/"
	}
	return "kubectl apply -k " + folder + " -n " + f.Namespace
}

func certificateLinks(f Facts) []Link {
	c := f.Stanza.Status.Certificate
	if c == nil {
		return nil
	}
	renewal := "nobody renews it: CPO has made it"
	if c.RenewalTime != nil {
		renewal = "the operator renews it at " + exact(c.RenewalTime.Time, f.Now)
	}
	return []Link{{"certificate", "of the repo host, expires at " + exact(c.NotAfter.Time, f.Now) + "; " + renewal}}
}

// renewalGrace is how long the operator may take to renew a certificate.
const renewalGrace = time.Hour

// explainRenewal finds a certificate that should have been renewed.
func explainRenewal(e *Explanation, f Facts) {
	c := f.Stanza.Status.Certificate
	if c == nil || c.RenewalTime == nil || f.Now.Before(c.RenewalTime.Add(renewalGrace)) {
		return
	}
	chain := append(certificateLinks(f), Link{"operator", "has not renewed it: is it running, and does its log say why?"})
	e.add(Finding{Condition: vocab.ConditionProgrammed, Status: metav1.ConditionUnknown, Reason: string(vocab.ReasonCertificateExpires), Chain: append(chain, readMore(pageProgrammed))}, "kubectl stanzaflow doctor")
}
