// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// TestShortestGap compares with a walk through 28 years, after which the
// calendar repeats.
func TestShortestGap(t *testing.T) {
	t.Parallel()
	expressions := []string{
		"* * * * *", "*/30 * * * *", "30 2 * * *", "0 0,23 * * *", "0 0,23 * * 1", "0 0,23 * * 6,0", "0 0,23 * * 6-6", "30 0,23 1,3 * *",
		"0 0,23 1,31 1,2 *", "0 0,23 1,30 1,2 *", "0 0,23 1,28 2,3 *", "0 0,23 1,29 2,3 *", "0 0,23 1,30 4,5 *", "0 0,23 1,31 12,1 *",
		"0 0,23 15 * 1", "0 0,23 31 2 1", "59 23 * * *", "0,59 0,23 * * *", "0 0 29 2 *", "0 0,23 */2 * *", "0 0,23 * * */2", "0 0,23 */2 * */2",
		"0 0 31 2 *", "0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 31 2-4 *", "0 0 31 2 */1", "0 0 31 2 */2", "0 0 29 2 *",
		"@hourly", "@daily", "@weekly", "@monthly", "@yearly",
	}
	random := rand.New(rand.NewPCG(1, 2))
	list := func(from, to, most int) string {
		values := make([]string, 1+random.IntN(most))
		for i := range values {
			values[i] = fmt.Sprint(from + random.IntN(to-from+1))
		}
		return strings.Join(values, ",")
	}
	star := func(text string) string {
		if random.IntN(2) == 0 {
			return "*"
		}
		return text
	}
	for range 20 {
		expressions = append(expressions, strings.Join([]string{
			list(0, 59, 3), list(0, 23, 3), star(list(1, 31, 3)), star(list(1, 12, 3)), star(list(0, 6, 3)),
		}, " "))
	}
	for _, expression := range expressions {
		parsed, err := cron.ParseStandard(expression)
		if err != nil {
			t.Fatal(err)
		}
		schedule, _ := parsed.(*cron.SpecSchedule)
		last := schedule.Next(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC))
		if fires(schedule) == last.IsZero() {
			t.Errorf("fires is %t for %s, which fires next at %s", !last.IsZero(), expression, last)
		}
		if last.IsZero() {
			continue
		}
		// 28 years hold every weekday on every date; a schedule with more
		// activations than that has shown its shortest gap long before.
		want, end := 24*time.Hour, last.AddDate(28, 0, 0)
		for activations := 0; last.Before(end) && activations < 50_000; activations++ {
			next := schedule.Next(last)
			if next.IsZero() {
				break
			}
			want, last = min(want, next.Sub(last)), next
			if want == time.Minute {
				break // cannot get shorter
			}
		}
		if got := shortestGap(schedule); got != want {
			t.Errorf("shortest gap of %s is %s, want %s", expression, got, want)
		}
	}
}
