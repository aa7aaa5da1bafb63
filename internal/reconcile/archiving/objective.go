// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"strings"
	"sync"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/schedule"
)

// Objective is the recovery point objective of a cluster: that of the Stanza, or else the
// longest time between two backups of the schedule that fires most often, with the delay
// that a backup may have before it is overdue. Zero without a schedule.
func Objective(spec stanzaflowv1alpha1.Objectives, entries []stanzaflowv1alpha1.ScheduleStatus) time.Duration {
	if spec.RPO != nil && spec.RPO.Duration > 0 {
		return spec.RPO.Duration
	}
	gap := longestGap(entries)
	if gap == 0 {
		return 0
	}
	return gap + schedule.Grace(gap)
}

// longestGap is the longest time between two slots of the schedule that fires most often,
// zero without a schedule.
func longestGap(entries []stanzaflowv1alpha1.ScheduleStatus) time.Duration {
	var most rhythm
	for i := range entries {
		if r := rhythmOf(entries[i].Schedule); r.mean > 0 && (most.mean == 0 || r.mean < most.mean || r.mean == most.mean && r.longest < most.longest) {
			most = r
		}
	}
	return most.longest
}

// rhythm is how often a schedule fires.
type rhythm struct{ mean, longest time.Duration }

var (
	// rhythmStart is the beginning of the year in which the slots of a schedule are
	// counted: the same at any time, so that the objective does not change by itself.
	rhythmStart = time.Date(2027, time.December, 31, 23, 59, 59, 0, time.UTC)
	// rhythms are those that have been counted, by expression.
	rhythms sync.Map
)

const (
	rhythmYears = 5
	// rhythmSlots are enough for every week of a schedule that fires each minute.
	rhythmSlots = 11_000
)

// rhythmOf counts the slots of a schedule. It leaves the time zone out: the hour that is
// skipped once a year is no rhythm.
func rhythmOf(expressions string) rhythm {
	if r, ok := rhythms.Load(expressions); ok {
		return r.(rhythm)
	}
	times := schedule.ReadTimetable("UTC", strings.Split(expressions, ", "))
	var r rhythm
	first := times.Next(rhythmStart)
	last, end, slots := first, rhythmStart.AddDate(rhythmYears, 0, 0), 0
	for !last.IsZero() && slots < rhythmSlots && last.Before(end) {
		next := times.Next(last)
		if next.IsZero() {
			break
		}
		r.longest = max(r.longest, next.Sub(last))
		last = next
		slots++
	}
	if slots > 0 {
		r.mean = last.Sub(first) / time.Duration(slots)
	}
	rhythms.Store(expressions, r)
	return r
}
