// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"maps"
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
		expression, message := readSchedule(expression)
		switch {
		case message != "":
			t.problem(field, vocab.ReasonInvalidSchedule, "%s", message)
			t.keep(r.Name, backupType)
		case t.stanzaRefused: // it says nothing that a schedule could run by
			t.keep(r.Name, backupType)
		default:
			t.plan.CronWorkflows = append(t.plan.CronWorkflows, t.cronWorkflow(r, backupType, expression))
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
// space between its fields and in numbers, or what is wrong. The message never
// quotes the expression.
func readSchedule(expression string) (string, string) {
	fields := strings.Fields(expression)
	expression = strings.Join(fields, " ")
	switch {
	case strings.Contains(expression, "TZ="):
		return "", "must not name a time zone; set spec.timeZone of the Stanza"
	case strings.HasPrefix(expression, "@every"):
		return "", "@every counts from whenever Argo reads the schedule again; use five fields such as */30 * * * *"
	case strings.HasPrefix(expression, "@"):
		if _, err := cron.ParseStandard(expression); err != nil {
			return "", "is not a cron expression: unknown descriptor, use five fields such as 30 2 * * *"
		}
	case len(fields) != len(cronFields):
		return "", fmt.Sprintf("must have five fields (minute hour day-of-month month day-of-week), such as 30 2 * * *; it has %d", len(fields))
	}
	parsed, err := cron.ParseStandard(expression)
	if err != nil {
		return "", "is not a cron expression: " + wrongField(fields)
	}
	schedule, ok := parsed.(*cron.SpecSchedule)
	if !ok || !fires(schedule) {
		return "", "never fires: there is no such date"
	}
	return inNumbers(expression), ""
}

// inNumbers writes a valid expression without the names of months and days, and
// without plus signs, which the CRDs of Argo 4.0.0 to 4.0.5 refuse.
func inNumbers(expression string) string {
	if strings.HasPrefix(expression, "@") {
		return expression
	}
	return numbers.Replace(strings.ToLower(expression))
}

var numbers = strings.NewReplacer(
	"+", "",
	"jan", "1", "feb", "2", "mar", "3", "apr", "4", "may", "5", "jun", "6",
	"jul", "7", "aug", "8", "sep", "9", "oct", "10", "nov", "11", "dec", "12",
	"sun", "0", "mon", "1", "tue", "2", "wed", "3", "thu", "4", "fri", "5", "sat", "6",
)

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

// fires reports whether there is a day on which a schedule fires. A leap year
// holds every date that there is, and every weekday.
func fires(s *cron.SpecSchedule) bool {
	return !s.Next(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero()
}
