// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/drill"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/repohost"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/translate/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Translate returns the Plan for one cluster.
func Translate(in Input) Plan {
	fields := checkFieldErrors(in)
	cluster := checkCluster(in.Cluster)
	window, stanza := in.window()
	stanza = append(stanza, checkStanza(in.Stanza)...)
	var certificate problem.List
	if in.provisioned() {
		certificate = repohost.CheckCertificate(in.Stanza.Certificate)
	}
	problems := slices.Concat(cluster, stanza, checkGate(in), certificate)
	plan := Plan{Keep: fields.keep}
	if stanza.Refuse() {
		plan.Keep.Everything = true
	}
	refused := fields.refused || cluster.Refuse()
	if p := in.Cluster.PgBackRest; p != nil && !refused {
		repos := selectRepos(in, fields.broken, certificate)
		problems = append(problems, repos.problems...)
		plan.Keep.add(repos.keep)
		refused = len(p.Repos) == 0
		problems = append(problems, plan.provision(in, repos.repos)...)
		problems = append(problems, plan.schedule(in, repos.repos, window, stanza.Refuse())...)
		if in.Provisioner == vocab.ProvisionedByCPO {
			problems = append(problems, warnOfCPO(in, repos.repos)...)
		}
		if in.provisioned() && !plan.Keep.Configuration {
			problems = append(problems, warnOfMoves(in, repos.repos)...)
		}
	}
	if refused { // no name of a schedule can be trusted
		plan.Keep = Keep{Configuration: true, Everything: true}
	}
	if in.leftToCPO() {
		plan.LeftToCPO, plan.Schedules = true, nil
		plan.Keep = Keep{Configuration: true, Everything: true}
	}
	if in.unmanaged() {
		plan.Schedules, plan.Provision, plan.Keep = nil, nil, Keep{Configuration: true}
	}
	if in.Undecided {
		plan.Schedules, plan.Keep = nil, Keep{Everything: true}
	}
	if in.Provisioner != vocab.ProvisionedByUs {
		plan.Keep.Configuration = false
	}
	problems = append(problems, plan.drill(in, refused, stanza.Refuse())...)
	problems = append(problems, plan.trigger(in, refused)...)
	slices.Sort(plan.Keep.CronWorkflows)
	plan.Keep.CronWorkflows = slices.Compact(plan.Keep.CronWorkflows)
	plan.Problems = append(fields.problems, withoutUnreadable(problems, in.FieldErrors)...).Sorted()
	return plan
}

// provision adds the repos and the configuration of a cluster, and returns what is
// wrong with them.
func (plan *Plan) provision(in Input, repos []storage.Repo) problem.List {
	for _, r := range repos {
		plan.Repos = append(plan.Repos, storage.RepositoryOf(in.Cluster, r))
	}
	if !in.provisioned() {
		return nil
	}
	planned := planProvision(in, repos, plan.Repos)
	plan.Provision = planned.provision
	plan.Keep.Configuration = plan.Keep.Configuration || planned.keep
	return planned.problems
}

// schedule adds the schedules of a cluster, spread over a window, and returns what is wrong
// with them.
func (plan *Plan) schedule(in Input, repos []storage.Repo, window time.Duration, stanzaRefused bool) problem.List {
	var problems problem.List
	common := schedule.Input{Cluster: in.Cluster, Stanza: in.Stanza, Window: window, StanzaRefused: stanzaRefused, TemplateVersion: in.TemplateVersion}
	plan.Offsets = make(map[string]time.Duration, len(repos))
	plan.Schedules = make([]wfv1.CronWorkflow, 0, len(repos)*len(cpo.BackupTypes))
	// The repos come in the order of their names, and the schedules of each in that
	// of their types: the names of all CronWorkflows, which differ in these only,
	// are sorted.
	for _, r := range repos {
		planned := schedule.Plan(common, r.Repo, r.Index)
		plan.Offsets[r.Name] = planned.Offset
		plan.Schedules = append(plan.Schedules, planned.CronWorkflows...)
		plan.Keep.CronWorkflows = append(plan.Keep.CronWorkflows, planned.Kept...)
		problems = append(problems, planned.Problems...)
	}
	return problems
}

// drill adds the drills of a cluster, and returns what is wrong with them. No mistake in one
// of them affects a backup.
func (plan *Plan) drill(in Input, refused, stanzaRefused bool) problem.List {
	switch {
	case in.unmanaged():
		return nil
	case in.Undecided, refused, in.leftToCPO():
		plan.Drills = drill.Planned{KeepConfigMap: true, KeepAll: true}
		return nil
	case in.Cluster.PgBackRest == nil:
		return nil
	}
	input := drill.Input{Cluster: in.Cluster, Stanza: in.Stanza, StanzaRefused: stanzaRefused, Offsets: plan.Offsets, Observed: in.Drill}
	for _, r := range in.Cluster.PgBackRest.Repos {
		if slices.ContainsFunc(plan.Repos, func(planned storage.Repository) bool { return planned.Name == r.Name }) {
			input.Repos = append(input.Repos, r.Name)
		}
	}
	plan.Drills = drill.Plan(input)
	return plan.Drills.Problems
}

// trigger adds the triggers of a cluster, and returns what is wrong with them. No
// mistake in one of them affects a schedule, nor the other way round.
func (plan *Plan) trigger(in Input, refused bool) problem.List {
	repos := make([]string, 0, len(plan.Repos))
	for _, r := range plan.Repos {
		repos = append(repos, r.Name)
	}
	planned := trigger.Plan(trigger.Input{Cluster: in.Cluster, Stanza: in.Stanza, Repos: repos, StartOverdue: in.StartOverdue})
	switch {
	case in.Undecided, !in.unmanaged() && (refused || in.leftToCPO()):
		plan.Keep.Triggers, plan.Keep.Initial = trigger.Names(in.Stanza), true
	case !in.unmanaged():
		plan.Triggers, plan.Keep.Triggers, plan.Initial, plan.Overdue = planned.Triggers, planned.Kept, planned.Initial, planned.Overdue
		plan.Keep.Initial = in.Cluster.PgBackRest != nil && len(repos) < len(in.Cluster.PgBackRest.Repos)
	}
	return planned.Problems
}
