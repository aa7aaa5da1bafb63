// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// runsShown is how many runs the summary shows of each schedule.
	runsShown = 3
	// runFormat has the weekday for weekly schedules, and the abbreviation of the
	// zone for the two days of the year on which it changes.
	runFormat = "Mon 2006-01-02 15:04 MST"
	// none is what kubectl prints for a value that is absent.
	none = "<none>"
)

// printSummary prints a table in the form of kubectl: a line for each schedule,
// and one for a cluster without any.
func printSummary(out io.Writer, all []rendered, now time.Time) error {
	if len(all) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(out, 6, 4, 3, ' ', 0)
	printRow(table, "NAMESPACE", "CLUSTER", "REPO", "TYPE", "FORM", "SCHEDULE", "TIME ZONE", "NEXT RUNS")
	for _, r := range all {
		for _, cron := range r.plan.Schedules {
			printRow(table, r.cluster.Namespace, r.cluster.Name, cron.Labels[vocab.LabelRepo], cron.Labels[vocab.LabelType],
				form(cron), schedules(cron), cron.Spec.Timezone, nextRuns(cron, now))
		}
		for _, cron := range r.plan.Drills.CronWorkflows {
			printRow(table, r.cluster.Namespace, r.cluster.Name, none, "drill "+cron.Labels[vocab.LabelDrill],
				none, schedules(cron), cron.Spec.Timezone, nextRuns(cron, now))
		}
		if len(r.plan.Schedules) == 0 {
			printRow(table, r.cluster.Namespace, r.cluster.Name, none, none, none, none, none, none)
		}
	}
	return table.Flush()
}

// schedules says when a CronWorkflow fires, and what a window has moved.
func schedules(cron wfv1.CronWorkflow) string {
	text := strings.Join(cron.Spec.Schedules, ", ")
	if offset := cron.Annotations[vocab.AnnotationOffset]; offset != "" {
		text += " (" + cron.Annotations[vocab.AnnotationSchedule] + " +" + offset + ")"
	}
	return text
}

// form is the form of the runs of a schedule.
func form(cron wfv1.CronWorkflow) string {
	if cron.Spec.WorkflowSpec.Entrypoint == vocab.EntrypointBackupDAG {
		return string(vocab.FormDAG)
	}
	return string(vocab.FormPod)
}

func printRow(table io.Writer, cells ...string) {
	_, _ = fmt.Fprintln(table, strings.Join(cells, "\t"))
}

func nextRuns(cron wfv1.CronWorkflow, now time.Time) string {
	if cron.Spec.Suspend {
		return "suspended"
	}
	runs := make([]string, 0, runsShown)
	for _, at := range schedule.NextRuns(cron.Spec.Timezone, cron.Spec.Schedules, now, runsShown) {
		runs = append(runs, at.Format(runFormat))
	}
	return strings.Join(runs, ", ")
}
