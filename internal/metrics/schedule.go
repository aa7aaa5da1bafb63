// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"

var (
	scheduleOverdue = newGauge("stanzaflow_schedule_overdue",
		"1 if a backup of this repo and type was due, and none has been proven since, whatever the reason. The grace follows from the schedule.", labelRepo, labelType)
	scheduleHeld = newGauge("stanzaflow_schedule_held",
		"1 if the schedule can make no backup now, or its last run was held: suspended, a standby, no instances, a restore, the gate. status.schedules has the reason.", labelRepo, labelType)
	scheduleDelayed = newGauge("stanzaflow_schedule_delayed",
		"1 if the run of the schedule waits for another run of the cluster, or its next slot for its own run.", labelRepo, labelType)
	scheduleNextRun = newGauge("stanzaflow_schedule_next_run_timestamp_seconds",
		"When the schedule fires next. Absent while it is suspended.", labelRepo, labelType)
	runsWaiting = newGauge("stanzaflow_runs_waiting",
		"Runs of the cluster that wait for another run of it, or for a slot of a cap.")
)

func schedules(s scrape) {
	for _, entry := range entries(s.Stanza) {
		s.flag(scheduleOverdue, entry.Overdue, entry.Repo, entry.Type)
		s.flag(scheduleHeld, entry.Held != "", entry.Repo, entry.Type)
		s.flag(scheduleDelayed, entry.Delayed != "", entry.Repo, entry.Type)
		s.timestamp(scheduleNextRun, entry.NextRunTime, entry.Repo, entry.Type)
	}
	if !s.known.first.IsZero() {
		s.gauge(runsWaiting, float64(s.known.Waiting))
	}
}

// entries are the schedules of a Stanza, one for each repo and type: two with the same
// labels would make the scrape of all clusters fail.
func entries(stanza *stanzaflowv1alpha1.Stanza) []*stanzaflowv1alpha1.ScheduleStatus {
	var found []*stanzaflowv1alpha1.ScheduleStatus
	taken := map[Schedule]bool{}
	for i := range stanza.Status.Schedules {
		entry := &stanza.Status.Schedules[i]
		of := Schedule{Repo: entry.Repo, Type: entry.Type}
		if !taken[of] {
			taken[of] = true
			found = append(found, entry)
		}
	}
	return found
}
