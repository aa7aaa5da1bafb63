// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

const (
	labelDrill = "drill"
	labelPhase = "phase"
)

var (
	drillLastSuccess = newGauge("stanzaflow_drill_last_success_timestamp_seconds",
		"When the newest good run of this drill ended.", labelDrill)
	drillLastResult = newGauge("stanzaflow_drill_last_result",
		"1 for the result of the last run of this drill that has ended, 0 for the others. DataMissing: it has not found what must be in the archive.", labelDrill, labelResult)
	drillOverdue = newGauge("stanzaflow_drill_overdue",
		"1 if the drill was due, and none has succeeded since, whatever the reason.", labelDrill)
	drillPhase = newGauge("stanzaflow_drill_phase_seconds",
		"How long each phase of the newest good run of this drill took: provision, restore, replay, firstQuery, checks.", labelDrill, labelPhase)
	recoveryPoint = newGauge("stanzaflow_recovery_point_seconds",
		"How much time of commits would have been lost with the primary when the newest good drill began.", labelDrill)
	recoveryTime = newGauge("stanzaflow_recovery_time_seconds",
		"How long the newest good drill took from the start of the restore to the first query.", labelDrill)
	recoveryTimeObjective = newGauge("stanzaflow_recovery_time_objective_seconds",
		"spec.objectives.rto of the Stanza. Absent without one.")
)

// resultDataMissing stands for a failure: nothing is worse.
const resultDataMissing = "DataMissing"

var drillResults = []string{
	string(stanzaflowv1alpha1.RunSucceeded), string(stanzaflowv1alpha1.RunFailed), string(stanzaflowv1alpha1.RunHeld), string(stanzaflowv1alpha1.RunUnknown), resultDataMissing,
}

// drills shows the drills of the Stanza, and what the newest good one has measured.
func drills(s scrape) {
	for i := range s.Status.Drills {
		drill(s, &s.Status.Drills[i])
	}
	if rto := s.Spec.Objectives.RTO; rto != nil && rto.Duration > 0 {
		s.gauge(recoveryTimeObjective, rto.Seconds())
	}
	is := s.Status.Recovery
	if is == nil {
		return
	}
	s.gauge(recoveryTime, is.RTO.Seconds(), is.Drill)
	if is.RPO != nil {
		s.gauge(recoveryPoint, is.RPO.Seconds(), is.Drill)
	}
}

func drill(s scrape, is *stanzaflowv1alpha1.DrillStatus) {
	s.flag(drillOverdue, is.Overdue, is.Name)
	if len(is.Runs) > 0 {
		last := string(is.Runs[0].Result)
		if is.Runs[0].DataMissing {
			last = resultDataMissing
		}
		for _, result := range drillResults {
			s.flag(drillLastResult, result == last, is.Name, result)
		}
	}
	proven := is.LastProven
	if proven == nil {
		return
	}
	s.timestamp(drillLastSuccess, &proven.FinishTime, is.Name)
	p := proven.Phases
	for phase, took := range map[string]float64{
		"provision": p.Provision.Seconds(), "restore": p.Restore.Seconds(), "replay": p.Replay.Seconds(),
		"firstQuery": p.FirstQuery.Seconds(), "checks": p.Checks.Seconds(),
	} {
		s.gauge(drillPhase, took, is.Name, phase)
	}
}
