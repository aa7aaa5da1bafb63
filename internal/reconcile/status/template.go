// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// findTemplate says why the WorkflowTemplate cannot be used, and what is missing.
func findTemplate(p Pass) []Finding {
	template, namespace := p.State.Template, p.State.Key.Namespace
	install := installTemplate(namespace, p.Provisioner)
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
	for _, missing := range template.MissingCaps {
		findings = append(findings, invalid("names a cap, and %s, so that Argo would fail every run, or let it wait; create it: kubectl apply -f deploy/argo/caps.yaml, docs/fleet.md#caps", missing))
	}
	return findings
}

// installTemplate says how the WorkflowTemplates are installed.
func installTemplate(namespace string, by vocab.Provisioner) string {
	folder := "workflows/"
	if by == vocab.ProvisionedByCPO {
		folder = "deploy/overlays/alongside-workflows/"
	}
	return "install it with kubectl apply -k " + folder + " -n " + namespace
}

// FindWatchTemplate says why the WorkflowTemplate of the watch cannot be used. Backups do
// not depend on it, so it is no finding of Programmed.
func FindWatchTemplate(namespace string, template object.Template, by vocab.Provisioner) []Finding {
	install := installTemplate(namespace, by)
	invalid := func(format string, args ...any) []Finding {
		return []Finding{{vocab.ReasonWorkflowTemplateInvalid, fmt.Sprintf("WorkflowTemplate %s in namespace %s ", vocab.WatchTemplate, namespace) + fmt.Sprintf(format, args...)}}
	}
	switch {
	case !template.Found:
		return []Finding{{
			vocab.ReasonWorkflowTemplateMissing,
			"there is no WorkflowTemplate " + vocab.WatchTemplate + " in namespace " + namespace + ", so no watch starts; " + install,
		}}
	case template.Contract != vocab.WatchContract:
		return invalid("has label %s=%s, not %s, so its reports may not be read; %s", vocab.LabelContract, cmp.Or(template.Contract, "(none)"), vocab.WatchContract, install)
	case len(template.Findings) > 0:
		return invalid("%s", contract.WatchSentence(template.Findings))
	case template.MissingAccount != "":
		return invalid("names ServiceAccount %s, which does not exist in the namespace, so no pod of a watch could start; %s", template.MissingAccount, install)
	}
	return nil
}

// noteTemplate says what is not known of the WorkflowTemplate.
func noteTemplate(p Pass) []Finding {
	if !startsRuns(p) {
		return nil
	}
	var notes []Finding
	if name := p.State.Template.UnknownAccount; name != "" {
		notes = append(notes, Finding{vocab.ReasonSkewUnknown, "it is unknown whether ServiceAccount " + name + ", as which the pods of a run work, exists: the operator may not get it; install the rights of the operator's release"})
	}
	for _, where := range p.State.Template.UnknownCaps {
		notes = append(notes, Finding{vocab.ReasonSkewUnknown, "it is unknown whether " + where + " has the slots of the caps that the WorkflowTemplate names: the operator may not get it, or it is not named " + vocab.CapsConfigMap + "; see docs/fleet.md#caps"})
	}
	return notes
}

// noteReleases says which WorkflowTemplates are of another release than the operator. The
// contract is the same, so everything works.
func noteReleases(p Pass) []Finding {
	if !startsRuns(p) {
		return nil
	}
	var notes []Finding
	for _, template := range []object.Template{p.State.Template, p.State.Drill.Template} {
		name := "WorkflowTemplate " + template.Name + " in namespace " + p.State.Key.Namespace
		switch template.Age {
		case contract.SameOrUnknown:
		case contract.Older:
			notes = append(notes, Finding{vocab.ReasonTemplateOutdated, name + " has image " + template.OtherImage + ", of an older release than the operator: backups work, and what the release has corrected in a run is missing; kubectl stanzaflow templates apply brings it"})
		case contract.Newer:
			notes = append(notes, Finding{vocab.ReasonTemplateAhead, name + " has image " + template.OtherImage + ", of a newer release than the operator: backups work; upgrade the operator, docs/install.md#upgrade"})
		}
	}
	return notes
}

// startsRuns reports whether a schedule or a trigger can start a run, or a first backup is
// missing.
func startsRuns(p Pass) bool { return len(p.Plan.Schedules)+len(p.Plan.Triggers)+len(p.Unproven) > 0 }
