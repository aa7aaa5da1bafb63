// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// findTemplate says why the WorkflowTemplate cannot be used, and what is missing.
func findTemplate(p Pass) []Finding {
	template, namespace := p.State.Template, p.State.Key.Namespace
	folder := "workflows/"
	if p.Provisioner == vocab.ProvisionedByCPO {
		folder = "deploy/overlays/alongside-workflows/"
	}
	install := "install it with kubectl apply -k " + folder + " -n " + namespace
	invalid := func(format string, args ...any) Finding {
		return Finding{vocab.ReasonWorkflowTemplateInvalid, fmt.Sprintf("WorkflowTemplate %s in namespace %s ", template.Name, namespace) + fmt.Sprintf(format, args...)}
	}
	switch {
	case !p.State.ArgoInstalled, !startsRuns(p):
		return nil
	case !template.Found:
		return []Finding{{
			vocab.ReasonWorkflowTemplateMissing,
			"There is no WorkflowTemplate " + template.Name + " in namespace " + namespace + "; " + install,
		}}
	case template.Contract != vocab.TemplateContract:
		return []Finding{invalid("has label %s=%s, not %s; %s", vocab.LabelContract, cmp.Or(template.Contract, "(none)"), vocab.TemplateContract, install)}
	}
	var findings []Finding
	if len(template.Findings) > 0 {
		findings = append(findings, invalid("%s", contract.Sentence(template.Findings)))
	}
	if name := template.MissingAccount; name != "" {
		findings = append(findings, invalid("names ServiceAccount %s, which does not exist in the namespace, so no pod of a run could start; %s", name, install))
	}
	return findings
}

// noteTemplate says what is not known of the WorkflowTemplate.
func noteTemplate(p Pass) []Finding {
	name := p.State.Template.UnknownAccount
	if name == "" || !startsRuns(p) {
		return nil
	}
	return []Finding{{vocab.ReasonSkewUnknown, "it is unknown whether ServiceAccount " + name + ", as which the pods of a run work, exists: the operator may not get it; install the rights of the operator's release"}}
}

// startsRuns reports whether a schedule or a trigger can start a run, or a first backup is
// missing.
func startsRuns(p Pass) bool { return len(p.Plan.Schedules)+len(p.Plan.Triggers)+len(p.Unproven) > 0 }
