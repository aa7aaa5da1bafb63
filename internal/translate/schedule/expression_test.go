// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"reflect"
	"strings"
	"testing"

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
		_, message := readExpression(expression)
		if strings.Contains(message, "never fires") != never {
			t.Errorf("%s: never fires should be %v, message %q", expression, never, message)
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
		got, message := readExpression(expression)
		if got != want || message != "" {
			t.Errorf("%s: %q, message %q; want %q", expression, got, message, want)
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
