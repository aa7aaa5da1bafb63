// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/gate"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkStanza refuses a Stanza with which no schedule could run. Every schedule then
// keeps the CronWorkflow from when the Stanza was good.
func checkStanza(spec stanzaflowv1alpha1.StanzaSpec) problem.List {
	var problems problem.List
	switch zone := spec.TimeZone; {
	case problem.HoldsExpression(zone):
		problems.AddStanza("spec.timeZone", vocab.ReasonTemplateExpression, problem.ExpressionMessage)
	case !validZone(zone):
		problems.AddStanza("spec.timeZone", vocab.ReasonInvalidTimeZone, "must be an IANA time zone such as Europe/Vienna%s", problem.Not(zone, nil))
	}
	if name := spec.WorkflowTemplate; name != "" && len(validation.IsDNS1123Subdomain(name)) > 0 {
		problems.AddStanza("spec.workflowTemplate", vocab.ReasonInvalidName, "is not a valid name of a WorkflowTemplate; use only lower-case letters, digits, dashes and dots")
	}
	checkForms(&problems, spec.Runs)
	return problems
}

// checkForms refuses a form that does not exist. The CRD does so, too, if it is of this
// release and nobody has changed it.
func checkForms(problems *problem.List, runs stanzaflowv1alpha1.RunForms) {
	var forms []string
	for _, form := range vocab.Forms {
		forms = append(forms, string(form))
	}
	for _, of := range []struct {
		backupType string
		form       stanzaflowv1alpha1.RunForm
	}{{cpo.Full, runs.Full}, {cpo.Diff, runs.Diff}, {cpo.Incr, runs.Incr}} {
		if form := string(of.form); form != "" && !slices.Contains(forms, form) {
			problems.AddStanza("spec.runs."+of.backupType, vocab.ReasonInvalidForm, "must be %s%s", problem.Alternatives(forms), problem.Not(form, forms))
		}
	}
}

// checkGate reports a gate that does not compile, or that fails for the first run
// of a repo. It refuses nothing: the runs fail closed and say so, and the Problem
// says it earlier.
func checkGate(in Input) problem.List {
	const field = "spec.gate"
	var problems problem.List
	if err := gate.Check(in.Stanza.Gate); err != nil {
		problems.AddStanza(field, vocab.ReasonInvalidGate, "%v", err)
		return problems
	}
	types := scheduledTypes(in.Cluster.PgBackRest)
	var failing []string
	var first error
	for _, backupType := range types {
		run := gate.Run{Namespace: in.Cluster.Namespace, Cluster: in.Cluster.Name, Repo: cpo.RepoName(1), Type: backupType, Trigger: vocab.TriggerSchedule}
		if err := gate.CheckFirst(in.Stanza.Gate, run); err != nil {
			failing, first = append(failing, backupType), cmp.Or(first, err)
		}
	}
	switch {
	case len(failing) == 0:
	case len(failing) == len(types):
		problems.AddStanza(field, vocab.ReasonInvalidGate, "%v", first)
	default: // a run of another type makes the first backup
		problems.WarnStanza(field, vocab.ReasonInvalidGate, "for a run of type %s it %v", problem.Alternatives(failing), first)
	}
	return problems
}

// scheduledTypes are the backup types of a cluster, all of them without a schedule.
func scheduledTypes(p *cpo.PgBackRest) []string {
	types := slices.DeleteFunc(slices.Clone(cpo.BackupTypes), func(backupType string) bool {
		return p == nil || !slices.ContainsFunc(p.Repos, func(r cpo.Repo) bool { return r.Schedule[backupType] != "" })
	})
	if len(types) == 0 {
		return cpo.BackupTypes
	}
	return types
}

// validZone reports whether a text is the name of an IANA time zone. All those
// names start with a capital letter. time.LoadLocation also accepts Local and, if
// the machine has zone files, names such as localtime, posixrules and
// right/Europe/Vienna. Those would mean the zone of the machine on which Argo runs.
func validZone(zone string) bool {
	switch {
	case zone == "": // UTC
		return true
	case zone == "Local", zone[0] < 'A', zone[0] > 'Z':
		return false
	}
	_, err := time.LoadLocation(zone)
	return err == nil
}
