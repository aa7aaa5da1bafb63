// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

var (
	recoverableOldest = newGauge("stanzaflow_recoverable_oldest_age_seconds",
		"How far back the database can be restored.")
	recoverableNewest = newGauge("stanzaflow_recoverable_newest_age_seconds",
		"How long ago the newest moment is to which the database can surely be restored. It also grows while nothing is written.")
	rpo = newGauge("stanzaflow_rpo_seconds",
		"RPO of now: since when commits would be lost with the primary and its volume. 0 if nothing was committed since the newest recoverable moment.")
	rpoObjective = newGauge("stanzaflow_rpo_objective_seconds",
		"The RPO that must hold: spec.objectives.rpo of the Stanza, else the longest gap of its most frequent schedule, with its grace.")
)

// recoverable shows to when the database can be restored, unless nobody has seen that
// lately.
func recoverable(s scrape) {
	is := s.Status.Recoverable
	if is == nil {
		return
	}
	if is.RPO != nil {
		s.gauge(rpoObjective, is.RPO.Seconds())
	}
	if s.Status.Archive == nil || s.Status.Archive.BlindTime != nil {
		return
	}
	s.age(recoverableOldest, is.Oldest)
	s.age(recoverableNewest, is.Newest)
	switch {
	case is.AtRiskSince != nil:
		s.age(rpo, is.AtRiskSince)
	case is.Newest != nil:
		s.gauge(rpo, 0)
	}
}
