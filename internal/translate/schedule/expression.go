// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
)

// reading is what a cron expression says.
type reading struct {
	// expression is in numbers, with one space between its fields. It is empty if
	// the expression is refused.
	expression string
	// refusal says what is wrong, warning what may surprise.
	refusal, warning string
}

// Reading is what a cron expression of another place says.
type Reading struct {
	// Expression is in numbers, with one space between its fields. It is empty if the
	// expression is refused.
	Expression string
	// Refusal says what is wrong, Warning what may surprise.
	Refusal, Warning string
}

// Read reads a cron expression as those of the backups are read.
func Read(expression string) Reading {
	read := readExpression(expression)
	return Reading{Expression: read.expression, Refusal: read.refusal, Warning: read.warning}
}

// readExpression reads a cron expression as Argo does. It also refuses what Argo
// accepts and then never runs, or runs at the wrong time.
func readExpression(expression string) reading {
	refuse := func(message string) reading { return reading{refusal: message} }
	fields := strings.Fields(expression)
	expression = strings.Join(fields, " ")
	isDescriptor := strings.HasPrefix(expression, "@")
	switch {
	case strings.Contains(expression, "TZ="):
		return refuse("must not name a time zone; set spec.timeZone of the Stanza")
	case strings.HasPrefix(expression, "@every"):
		return refuse("must not use @every, which counts from when Argo last read the schedule; use five fields such as */30 * * * *")
	case isDescriptor:
		if _, err := cron.ParseStandard(expression); err != nil {
			return refuse("is not a cron expression: unknown descriptor, use five fields such as 30 2 * * *")
		}
	case len(fields) != len(cronFields):
		return refuse(fmt.Sprintf("must have five fields (minute hour day-of-month month day-of-week), such as 30 2 * * *; it has %d", len(fields)))
	}
	parsed, err := cron.ParseStandard(expression)
	if err != nil {
		return refuse("is not a cron expression: " + wrongField(fields))
	}
	schedule, ok := parsed.(*cron.SpecSchedule)
	if !ok || !fires(schedule) {
		return refuse("never fires: there is no such date")
	}
	if isDescriptor {
		return reading{expression: expression}
	}
	if message := oversizedStep(fields); message != "" {
		return refuse(message)
	}
	return reading{expression: inNumbers(expression), warning: eitherDay(schedule)}
}

// inNumbers writes five valid fields without the names of months and days, and
// without plus signs, which the CRDs of Argo 4.0.0 to 4.0.5 refuse.
func inNumbers(expression string) string {
	return numbers.Replace(strings.ToLower(expression))
}

var numbers = strings.NewReplacer(
	"+", "",
	"jan", "1", "feb", "2", "mar", "3", "apr", "4", "may", "5", "jun", "6",
	"jul", "7", "aug", "8", "sep", "9", "oct", "10", "nov", "11", "dec", "12",
	"sun", "0", "mon", "1", "tue", "2", "wed", "3", "thu", "4", "fri", "5", "sat", "6",
)

// cronFields are the fields of a cron expression, what each may hold, how many
// values that are, and in what they begin again.
var cronFields = [...]struct {
	name, values string
	count        int
	in           string
}{
	{"minute", "0 to 59", 60, "hour"},
	{"hour", "0 to 23", 24, "day"},
	{"day of month", "1 to 31", 31, "month"},
	{"month", "1 to 12 or jan to dec", 12, "year"},
	{"day of week", "0 to 6 or sun to sat", 7, "week"},
}

// wrongField finds the first field of an expression that cannot be read.
func wrongField(fields []string) string {
	for i, field := range fields {
		probe := []string{"*", "*", "*", "*", "*"}
		probe[i] = field
		if _, err := cron.ParseStandard(strings.Join(probe, " ")); err != nil {
			return fmt.Sprintf("the %s must be %s, with * for all, a list 1,2, a range 1-5 or a step */2%s", cronFields[i].name, cronFields[i].values, problem.Not(field, nil))
		}
	}
	return "use five fields such as 30 2 * * *"
}

// fires reports whether there is a day on which a schedule fires. A leap year has
// every date and every weekday.
func fires(s *cron.SpecSchedule) bool {
	return !s.Next(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero()
}
