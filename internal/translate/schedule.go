// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// schedules plans the CronWorkflows of one repo.
func (t *translation) schedules(r repo) {
	for _, backupType := range slices.Sorted(maps.Keys(r.Schedule)) {
		field, expression := r.path+".schedule."+backupType, r.Schedule[backupType]
		if !slices.Contains(cpo.BackupTypes, backupType) {
			t.problem(r.path+".schedule", vocab.ReasonUnsupportedBackupType, "knows only full, diff and incr%s", notThat(backupType))
			t.keepAbsent(r)
			continue
		}
		if expression == "" { // off
			continue
		}
		if t.refusesExpression(field, expression) {
			t.keep(r.Name, backupType)
			continue
		}
		expression, gap, message := readSchedule(expression)
		switch {
		case message != "":
			t.problem(field, vocab.ReasonInvalidSchedule, "%s", message)
			t.keep(r.Name, backupType)
		case t.stanzaRefused: // it says nothing that a schedule could run by
			t.keep(r.Name, backupType)
		default:
			t.plan.CronWorkflows = append(t.plan.CronWorkflows, t.cronWorkflow(r, backupType, expression, gap))
		}
	}
}

// notThat repeats a misspelt type if it looks like a word. Anything else may be
// a value in the wrong place.
func notThat(backupType string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if backupType == "" || len(backupType) > 16 || strings.Trim(backupType, letters) != "" {
		return ""
	}
	return ", not " + backupType
}

// keepAbsent keeps the types that a repo has no schedule for: an unknown one
// may be the misspelt name of any of them.
func (t *translation) keepAbsent(r repo) {
	for _, backupType := range cpo.BackupTypes {
		if _, present := r.Schedule[backupType]; !present {
			t.keep(r.Name, backupType)
		}
	}
}

// readSchedule reads a cron expression as Argo does and refuses what Argo
// accepts and then never or wrongly runs. It returns the expression with one
// space between its fields and the shortest gap between two activations, or
// what is wrong. The message never quotes the expression.
func readSchedule(expression string) (string, time.Duration, string) {
	fields := strings.Fields(expression)
	expression = strings.Join(fields, " ")
	switch {
	case strings.Contains(expression, "TZ="):
		return "", 0, "must not name a time zone; set spec.timeZone of the Stanza"
	case strings.HasPrefix(expression, "@every"):
		return "", 0, "@every counts from whenever Argo reads the schedule again; use five fields such as */30 * * * *"
	case strings.HasPrefix(expression, "@"):
		if _, err := cron.ParseStandard(expression); err != nil {
			return "", 0, "is not a cron expression: unknown descriptor, use five fields such as 30 2 * * *"
		}
	case len(fields) != len(cronFields):
		return "", 0, fmt.Sprintf("must have five fields (minute hour day-of-month month day-of-week), such as 30 2 * * *; it has %d", len(fields))
	}
	parsed, err := cron.ParseStandard(expression)
	if err != nil {
		return "", 0, "is not a cron expression: " + wrongField(fields)
	}
	schedule, ok := parsed.(*cron.SpecSchedule)
	if !ok || !fires(schedule) {
		return "", 0, "never fires: there is no such date"
	}
	return expression, shortestGap(schedule), ""
}

// cronFields are the fields of a cron expression and what each may hold.
var cronFields = [...]struct{ name, values string }{
	{"minute", "0 to 59"},
	{"hour", "0 to 23"},
	{"day of month", "1 to 31"},
	{"month", "1 to 12 or jan to dec"},
	{"day of week", "0 to 6 or sun to sat"},
}

// wrongField finds the first field of an expression that cannot be read.
func wrongField(fields []string) string {
	for i, field := range fields {
		probe := []string{"*", "*", "*", "*", "*"}
		probe[i] = field
		if _, err := cron.ParseStandard(strings.Join(probe, " ")); err != nil {
			return fmt.Sprintf("the %s must be %s, with * for all, a list 1,2, a range 1-5 or a step */2", cronFields[i].name, cronFields[i].values)
		}
	}
	return "use five fields such as 30 2 * * *"
}

// fires reports whether there is a day on which a schedule fires. Every
// combination of the other fields exists.
func fires(s *cron.SpecSchedule) bool {
	if s.Dom&starBit != 0 || s.Dow&starBit == 0 { // a weekday is enough
		return true
	}
	return slices.ContainsFunc(setBits(s.Month), func(month int) bool { return dates(s, month) != 0 })
}

// dates of a schedule that a month has, in a leap year.
func dates(s *cron.SpecSchedule, month int) uint64 { return s.Dom & (1<<(lastDate(month)+1) - 1) }

// lastDate of a month, in a leap year.
func lastDate(month int) int {
	return time.Date(2024, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// starBit is how package cron marks a field that is a plain *.
const starBit = 1 << 63

// shortestGap between two activations, a day at most. It works on the fields:
// to walk through enough activations costs a thousand times as much. It knows
// nothing of daylight saving time; that only changes for how long a missed run
// may start late.
func shortestGap(s *cron.SpecSchedule) time.Duration {
	const hour = 60
	minutes, hours := setBits(s.Minute), setBits(s.Hour)
	gap := 24 * hour
	for i := 1; i < len(minutes); i++ {
		gap = min(gap, minutes[i]-minutes[i-1])
	}
	// From the last minute of one hour to the first of the next.
	span := minutes[len(minutes)-1] - minutes[0]
	for i := 1; i < len(hours); i++ {
		gap = min(gap, (hours[i]-hours[i-1])*hour-span)
	}
	if onDaysInARow(s) {
		gap = min(gap, (24-hours[len(hours)-1]+hours[0])*hour-span)
	}
	return time.Duration(gap) * time.Minute
}

// onDaysInARow reports whether a schedule fires on two consecutive days in any
// year.
func onDaysInARow(s *cron.SpecSchedule) bool {
	const saturday, sunday = 6, 0
	weekdays := s.Dow &^ starBit
	weekdaysInARow := weekdays&(weekdays<<1) != 0 || weekdays>>saturday&1 != 0 && weekdays>>sunday&1 != 0
	anyDate, anyWeekday := s.Dom&starBit != 0, s.Dow&starBit != 0
	// With neither a plain *, either field is enough for a day to match.
	if eitherIsEnough := !anyDate && !anyWeekday; anyDate || eitherIsEnough && weekdaysInARow {
		return weekdaysInARow
	}
	for _, month := range setBits(s.Month) {
		last, days := lastDate(month), dates(s, month)
		// In one year or another every date falls next to each weekday.
		if days != 0 && !anyWeekday || days&(days<<1) != 0 {
			return true
		}
		lastDay := days>>last&1 != 0 || month == int(time.February) && days>>28&1 != 0
		if next := month%12 + 1; lastDay && s.Dom>>1&1 != 0 && s.Month>>next&1 != 0 {
			return true
		}
	}
	return false
}

// setBits lists the values of a field in their order.
func setBits(field uint64) []int {
	field &^= starBit
	values := make([]int, 0, bits.OnesCount64(field))
	for ; field != 0; field &= field - 1 {
		values = append(values, bits.TrailingZeros64(field))
	}
	return values
}
