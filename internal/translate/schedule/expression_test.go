// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// A date that exists in some years is enough, and so is a weekday if both are given.
func TestNeverFires(t *testing.T) {
	t.Parallel()
	for expression, never := range map[string]bool{
		"* * * * *": false, "30 2 * * *": false, "@yearly": false,
		"0 0 29 2 *": false, "0 0 31 1-2 *": false, "0 0 31 2 1": false, "59 23 31 12 *": false,
		"0 0 30 2 *": true, "0 0 31 2 *": true, "0 0 31 2,4,6,9,11 *": true, "0 0 31 2 */1": true,
	} {
		refusal := readExpression(expression).refusal
		if strings.Contains(refusal, "never fires") != never {
			t.Errorf("%s: never fires should be %v, refusal %q", expression, never, refusal)
		}
	}
}

// TestInNumbers checks that the planned expression has no name in it and fires like
// the original.
func TestInNumbers(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"30 2 * * *":                   "30 2 * * *",
		"@daily":                       "@daily",
		"0 8 3 Jan,Apr,JUL,oct *":      "0 8 3 1,4,7,10 *",
		"0 0 ? jan-dec/2 MON-FRI,sun":  "0 0 ? 1-12/2 1-5,0",
		"+5 2-+4 * feb,mar,may,jun *":  "5 2-4 * 2,3,5,6 *",
		"0 0 * aug,sep,nov tue,THU-6":  "0 0 * 8,9,11 2,4-6",
		"0  0 * * wed,Sat":             "0 0 * * 3,6",
		"*/15 0,23 1-7,15 */3 fri-sat": "*/15 0,23 1-7,15 */3 5-6",
	} {
		got := readExpression(expression).expression
		if got != want {
			t.Errorf("%s: got %q, want %q", expression, got, want)
			continue
		}
		asked, err := cron.ParseStandard(expression)
		if err != nil {
			t.Fatal(err)
		}
		if planned, err := cron.ParseStandard(got); err != nil || !reflect.DeepEqual(planned, asked) {
			t.Errorf("%s is not %s: %v", got, expression, err)
		}
	}
}

// TestOversizedStep holds each refused step against what cron makes of it: one value.
func TestOversizedStep(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"*/90 * * * *": "minute", "0/61 * * * *": "minute", "5,*/75 * * * *": "minute", "10-50/+90 * * * *": "minute",
		"0 */36 * * *": "hour", "0 2 */45 * *": "day of month", "0 2 1 */18 *": "month", "0 2 * * */14": "day of week", "0 2 * * mon/10": "day of week",
		"*/60 * * * *": "", "0 */24 * * *": "", "0 2 */31 * *": "", "0 2 1 */12 *": "", "0 2 * * */7": "",
		"*/7 * * * *": "", "0 */5 * * *": "", "*/59 * * * *": "", "@daily": "",
	} {
		refusal := readExpression(expression).refusal
		if got := strings.Contains(refusal, "in the "+want+","); got != (want != "") || want == "" && refusal != "" {
			t.Errorf("%s: refusal %q, want one of the %q", expression, refusal, want)
		}
	}
}

// TestEitherDay counts the days of a month on which an expression with both days
// fires.
func TestEitherDay(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]bool{
		"0 2 1 * 1": true, "0 2 1-7 * 0": true, "0 2 */2 * 1": true, "0 2 1-31 * 0": true, "0 2 13 * fri": true,
		"0 2 1 * *": false, "0 2 * * 1": false, "0 2 ? * 1": false, "0 2 1 * ?": false, "0 2 * * *": false, "0 2 */1 * 1": false, "@weekly": false,
	} {
		read := readExpression(expression)
		if read.refusal != "" || (read.warning != "") != want {
			t.Errorf("%s: refusal %q, warning %q", expression, read.refusal, read.warning)
		}
		if !want {
			continue
		}
		fields := strings.Fields(expression)
		both := count(t, expression)
		if ofMonth, ofWeek := count(t, strings.Join([]string{"0", "2", fields[2], "*", "*"}, " ")), count(t, "0 2 * * "+fields[4]); both < max(ofMonth, ofWeek) {
			t.Errorf("%s fires on %d days, and its parts on %d and %d: cron takes both days together", expression, both, ofMonth, ofWeek)
		}
	}
}

// count is on how many days of March 2026 an expression fires.
func count(t *testing.T, expression string) int {
	t.Helper()
	schedule, err := cron.ParseStandard(expression)
	if err != nil {
		t.Fatal(err)
	}
	days := 0
	for at := schedule.Next(time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)); at.Month() == time.March; at = schedule.Next(at) {
		days++
	}
	return days
}
