// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// timetable answers when a CronWorkflow fires, with the parser that Argo uses.
type timetable struct {
	schedules []cron.Schedule
	zone      *time.Location
}

// timetableOf reads a CronWorkflow as Argo does.
func timetableOf(cronWorkflow *unstructured.Unstructured) timetable {
	return readTimetable(zoneName(cronWorkflow), expressions(cronWorkflow))
}

// timetableIn reads what the status has of a CronWorkflow that is not there.
func timetableIn(entry stanzaflowv1alpha1.ScheduleStatus) timetable {
	return readTimetable(entry.TimeZone, strings.Split(entry.Schedule, expressionSeparator))
}

// readTimetable: what cannot be read never fires as far as we can tell.
func readTimetable(zoneName string, expressions []string) timetable {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return timetable{}
	}
	t := timetable{zone: zone}
	for _, expression := range expressions {
		if schedule, err := cron.ParseStandard(expression); err == nil {
			t.schedules = append(t.schedules, schedule)
		}
	}
	return t
}

// next is the first activation after a moment, zero if there is none.
func (t timetable) next(after time.Time) time.Time {
	var first time.Time
	for _, schedule := range t.schedules {
		first = earliest(first, schedule.Next(after.In(t.zone)))
	}
	return first
}

// lookBack are the windows in which latest looks for an activation. cron can
// only look forward; a window that holds none makes the next one, up to a leap
// year and back, cheap to search.
var lookBack = []time.Duration{time.Hour, 25 * time.Hour, 8 * 24 * time.Hour, 32 * 24 * time.Hour, 367 * 24 * time.Hour, 9 * 366 * 24 * time.Hour}

// latest is the last activation at or before a moment, zero if there is none.
func (t timetable) latest(notAfter time.Time) time.Time {
	for _, window := range lookBack {
		var last time.Time
		for at := t.next(notAfter.Add(-window)); !at.IsZero() && !at.After(notAfter); at = t.next(at) {
			last = at
		}
		if !last.IsZero() {
			return last
		}
	}
	return time.Time{}
}

// earliest of two moments, of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
