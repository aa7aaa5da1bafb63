// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strconv"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var (
	lastRunResult = newGauge("stanzaflow_last_run_result",
		"Always 1. The label result says how the newest run of this repo and type that is over has ended: Succeeded, Failed, Held or Unknown.", labelRepo, labelType, labelResult)
	lastRunFinish = newGauge("stanzaflow_last_run_finish_timestamp_seconds",
		"When that run ended.", labelRepo, labelType)
	lastRunDuration = newGauge("stanzaflow_last_run_duration_seconds",
		"How long that run took, from its start to its end, with what it waited for.", labelRepo, labelType)
	lastRunRetentionFailed = newGauge("stanzaflow_last_run_retention_failed",
		"1 if pgbackrest expire of that run failed: the backup is good, and old ones stay.", labelRepo, labelType)
	runRunning = newGauge("stanzaflow_run_running",
		"1 while a run of this repo and type is running, waiting included.", labelRepo, labelType)
	runProgress = newGauge("stanzaflow_run_progress_ratio",
		"How much of the running backup is done, 0 to 1. Absent if none runs, or if it takes less than a minute.", labelRepo, labelType)
)

func lastRuns(s scrape) {
	for _, entry := range entries(s.Stanza) {
		running := isRunning(entry.LastRun)
		s.flag(runRunning, running, entry.Repo, entry.Type)
		if running {
			progress(s, entry)
		}
		if last := lastFinished(entry); last != nil {
			ended(s, entry, last)
		}
	}
}

func ended(s scrape, entry *stanzaflowv1alpha1.ScheduleStatus, last *stanzaflowv1alpha1.RunStatus) {
	s.gauge(lastRunResult, 1, entry.Repo, entry.Type, string(last.Result))
	s.timestamp(lastRunFinish, last.FinishTime, entry.Repo, entry.Type)
	if last.StartTime != nil && last.FinishTime != nil {
		s.gauge(lastRunDuration, max(last.FinishTime.Sub(last.StartTime.Time), 0).Seconds(), entry.Repo, entry.Type)
	}
	s.flag(lastRunRetentionFailed, last.Retention == vocab.RetentionFailed, entry.Repo, entry.Type)
}

// progress of a schedule may be only in lastRun of the cluster.
func progress(s scrape, entry *stanzaflowv1alpha1.ScheduleStatus) {
	text := entry.LastRun.Progress
	if last := s.Status.LastRun; text == "" && last != nil && last.Workflow == entry.LastRun.Workflow {
		text = last.Progress
	}
	percent, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err == nil {
		s.gauge(runProgress, percent/100, entry.Repo, entry.Type)
	}
}

func isRunning(run *stanzaflowv1alpha1.RunStatus) bool {
	return run != nil && run.Result == stanzaflowv1alpha1.RunRunning
}

// lastFinished is the newest run of a schedule that is over, nil without one.
func lastFinished(entry *stanzaflowv1alpha1.ScheduleStatus) *stanzaflowv1alpha1.RunStatus {
	if isRunning(entry.LastRun) {
		return entry.PreviousRun
	}
	return entry.LastRun
}
