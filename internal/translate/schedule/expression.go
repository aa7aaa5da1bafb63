// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// readExpression reads a cron expression as Argo does. It also refuses what Argo
// accepts and then never runs, or runs at the wrong time. It returns the expression
// in numbers, with one space between its fields, or a message that says what is
// wrong. The message never quotes the expression.
func readExpression(expression string) (string, string) {
	fields := strings.Fields(expression)
	expression = strings.Join(fields, " ")
	switch {
	case strings.Contains(expression, "TZ="):
		return "", "must not name a time zone; set spec.timeZone of the Stanza"
	case strings.HasPrefix(expression, "@every"):
		return "", "must not use @every, which counts from when Argo last read the schedule; use five fields such as */30 * * * *"
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

// fires reports whether there is a day on which a schedule fires. A leap year has
// every date and every weekday.
func fires(s *cron.SpecSchedule) bool {
	return !s.Next(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero()
}
