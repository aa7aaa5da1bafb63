// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"cmp"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// expressionSeparator separates the expressions of a CronWorkflow. One of ours
// has a single expression.
const expressionSeparator = ", "

// Asked is the schedule that the user has asked for, empty for objects of other kinds. It is
// Text unless a window has moved it.
func Asked(cronWorkflow *unstructured.Unstructured) string {
	return cmp.Or(cronWorkflow.GetAnnotations()[vocab.AnnotationSchedule], Text(cronWorkflow))
}

// Offset is by how much later than the user has asked for a CronWorkflow fires, because of a
// window.
func Offset(cronWorkflow *unstructured.Unstructured) time.Duration {
	return offsetIn(cronWorkflow.GetAnnotations()[vocab.AnnotationOffset])
}

func offsetIn(text string) time.Duration {
	offset, err := time.ParseDuration(text)
	if err != nil { // absent: nobody else writes it
		return 0
	}
	return offset
}

// Effective returns the schedule of a CronWorkflow that a window has moved, and by how much,
// for a status. Both are empty if none has.
func Effective(cronWorkflow *unstructured.Unstructured) (schedule, offset string) {
	if Offset(cronWorkflow) == 0 {
		return "", ""
	}
	return Text(cronWorkflow), cronWorkflow.GetAnnotations()[vocab.AnnotationOffset]
}

// Text is when a CronWorkflow fires, for a person, empty for objects of other
// kinds.
func Text(cronWorkflow *unstructured.Unstructured) string {
	return strings.Join(expressions(cronWorkflow), expressionSeparator)
}

func expressions(cronWorkflow *unstructured.Unstructured) []string {
	list, _, _ := unstructured.NestedStringSlice(cronWorkflow.Object, object.FieldSpec, "schedules")
	return list
}

// Zone is the name of the time zone of a CronWorkflow.
func Zone(cronWorkflow *unstructured.Unstructured) string {
	zone, _, _ := unstructured.NestedString(cronWorkflow.Object, object.FieldSpec, "timezone")
	return zone
}

// Timetable knows when a CronWorkflow fires, with the parser that Argo uses.
type Timetable struct {
	schedules []cron.Schedule
	zone      *time.Location
}

// TimetableOf reads a CronWorkflow as Argo does.
func TimetableOf(cronWorkflow *unstructured.Unstructured) Timetable {
	return ReadTimetable(Zone(cronWorkflow), expressions(cronWorkflow))
}

// timetableIn reads what the status has of a CronWorkflow.
func timetableIn(entry stanzaflowv1alpha1.ScheduleStatus) Timetable {
	return ReadTimetable(entry.TimeZone, strings.Split(cmp.Or(entry.EffectiveSchedule, entry.Schedule), expressionSeparator))
}

// ReadTimetable leaves out what it cannot read: as far as we know it never fires.
func ReadTimetable(zoneName string, expressions []string) Timetable {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return Timetable{}
	}
	t := Timetable{zone: zone}
	for _, expression := range expressions {
		if schedule, err := cron.ParseStandard(expression); err == nil {
			t.schedules = append(t.schedules, schedule)
		}
	}
	return t
}

// Next is the first activation after a moment, zero if there is none.
func (t Timetable) Next(after time.Time) time.Time {
	var first time.Time
	for _, schedule := range t.schedules {
		first = object.Earliest(first, schedule.Next(after.In(t.zone)))
	}
	return first
}

// NextRuns returns the next activations of a CronWorkflow after a moment, in its
// zone: n of them, or as many as there are.
func NextRuns(zone string, expressions []string, after time.Time, n int) []time.Time {
	t := ReadTimetable(zone, expressions)
	var runs []time.Time
	for at := t.Next(after); !at.IsZero() && len(runs) < n; at = t.Next(at) {
		runs = append(runs, at)
	}
	return runs
}

// lookBack are the windows in which Latest looks for an activation. cron can only
// look forward. A window without an activation makes the next one, up to a leap
// year and back, cheap to search.
var lookBack = []time.Duration{time.Hour, 25 * time.Hour, 8 * 24 * time.Hour, 32 * 24 * time.Hour, 367 * 24 * time.Hour, 9 * 366 * 24 * time.Hour}

// Latest is the last activation at or before a moment, zero if there is none.
func (t Timetable) Latest(notAfter time.Time) time.Time {
	for _, window := range lookBack {
		var last time.Time
		for at := t.Next(notAfter.Add(-window)); !at.IsZero() && !at.After(notAfter); at = t.Next(at) {
			last = at
		}
		if !last.IsZero() {
			return last
		}
	}
	return time.Time{}
}
