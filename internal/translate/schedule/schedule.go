// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"maps"
	"slices"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Input is what all schedules of a cluster have in common.
type Input struct {
	Cluster cpo.Postgresql
	Stanza  stanzaflowv1alpha1.StanzaSpec
	// Window over which the schedules of all clusters are spread, zero for none.
	Window time.Duration
	// StanzaRefused is true if the Stanza has a mistake with which no schedule
	// could run. Every schedule then keeps its last good CronWorkflow.
	StanzaRefused bool
	// TemplateVersion is "<uid>.<generation>" of the WorkflowTemplate, empty
	// while it is not known.
	TemplateVersion string
}

// Planned is what becomes of the schedules of one repo.
type Planned struct {
	// CronWorkflows, sorted by name.
	CronWorkflows []wfv1.CronWorkflow
	// Kept are the names of CronWorkflows that are not planned and stay.
	Kept []string
	// Offset is by how much later the schedules fire, because of the window.
	Offset   time.Duration
	Problems problem.List
}

// Plan returns the schedules of the repo at an index of the list.
func Plan(in Input, repo cpo.Repo, index int) Planned {
	planned := Planned{CronWorkflows: make([]wfv1.CronWorkflow, 0, min(len(repo.Schedule), len(cpo.BackupTypes)))}
	good := planned.read(in, repo, cpo.RepoField(index)+".schedule")
	planned.Offset = offsetOf(in.Cluster.Namespace, in.Cluster.Name, repo.Name, in.Window, slices.Collect(maps.Values(good)))
	// The types come in the order of their names, and so do the CronWorkflows.
	for _, backupType := range slices.Sorted(maps.Keys(good)) {
		if in.StanzaRefused {
			planned.Kept = append(planned.Kept, manifest.CronWorkflowName(in.Cluster.Name, repo.Name, backupType))
			continue
		}
		planned.CronWorkflows = append(planned.CronWorkflows, cronWorkflow(in, repo.Name, backupType, Move(good[backupType], planned.Offset)))
	}
	return planned
}

// read returns the good expressions of a repo by type. It keeps the CronWorkflows of the
// others.
func (p *Planned) read(in Input, repo cpo.Repo, path string) map[string]string {
	expressions := map[string]string{}
	for _, backupType := range slices.Sorted(maps.Keys(repo.Schedule)) {
		field, expression := path+"."+backupType, repo.Schedule[backupType]
		if cpo.CheckBackupType(backupType) != nil {
			p.Problems.Add(path, vocab.ReasonUnsupportedBackupType, "supports only %s%s", problem.All(cpo.BackupTypes), problem.Not(backupType, cpo.BackupTypes))
			p.Kept = append(p.Kept, namesWithoutSchedule(in.Cluster.Name, repo)...)
			continue
		}
		if expression == "" { // off
			continue
		}
		if p.Problems.CheckExpression(field, expression) {
			if read := readExpression(expression); p.report(field, read) {
				expressions[backupType] = read.expression
				continue
			}
		}
		p.Kept = append(p.Kept, manifest.CronWorkflowName(in.Cluster.Name, repo.Name, backupType))
	}
	return expressions
}

// report adds what is wrong with an expression, and reports whether it can be used.
func (p *Planned) report(field string, read reading) bool {
	if read.refusal != "" {
		p.Problems.Add(field, vocab.ReasonInvalidSchedule, "%s", read.refusal)
	}
	if read.warning != "" {
		p.Problems.Warn(field, vocab.ReasonSurprisingSchedule, "%s", read.warning)
	}
	return read.refusal == ""
}

// Names returns the names of all CronWorkflows that a repo can have.
func Names(cluster, repo string) []string {
	names := make([]string, len(cpo.BackupTypes))
	for i, backupType := range cpo.BackupTypes {
		names[i] = manifest.CronWorkflowName(cluster, repo, backupType)
	}
	return names
}

// namesWithoutSchedule are those of the types that a repo has no schedule for: an
// unknown type may be the misspelt name of any of them.
func namesWithoutSchedule(cluster string, repo cpo.Repo) []string {
	var names []string
	for _, backupType := range cpo.BackupTypes {
		if _, present := repo.Schedule[backupType]; !present {
			names = append(names, manifest.CronWorkflowName(cluster, repo.Name, backupType))
		}
	}
	return names
}
