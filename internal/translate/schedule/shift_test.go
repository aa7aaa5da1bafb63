// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// TestLater moves expressions that a DBA can check by eye.
func TestLater(t *testing.T) {
	t.Parallel()
	const none = ""
	for _, tc := range []struct {
		expression string
		offset     int
		want       string
	}{
		{"30 2 * * *", 0, "30 2 * * *"},
		{"30 2 * * *", 29, "59 2 * * *"},
		{"30 2 * * *", 30, "0 3 * * *"},
		{"30 2 * * *", 22 * 60, "30 0 * * *"},
		{"0 23 * * 6", 90, "30 0 * * 0"},
		{"0 23 * * 1-5", 90, "30 0 * * 2-6"},
		{"0 1 * * 1-5", 90, "30 2 * * 1-5"},
		{"*/30 * * * *", 45, "15,45 * * * *"},
		{"*/5 * * * *", 7, "2-57/5 * * * *"},
		{"0,10 * * * *", 55, "5,55 * * * *"},
		{"* * * * *", 7, "* * * * *"},
		{"15 */6 * * *", 60, "15 1-19/6 * * *"},
		{"0 2,14,20 * * *", 300, "0 1,7,19 * * *"},
		{"0 8-18 * * *", 59, "59 8-18 * * *"},
		{"*/30 8-18 * * *", 29, "29,59 8-18 * * *"},
		{"*/30 8-18 * * *", 30, none}, // 8:30 to 18:30 and 9:00 to 19:00
		{"*/30 8-18 * * *", 60, "0,30 9-19 * * *"},
		{"0 22,23 * * 0", 59, "59 22,23 * * 0"},
		{"0 22,23 * * 0", 60, none}, // on Sunday and on Monday
		{"0 22,23 * * 0", 120, "0 0,1 * * 1"},
		{"0 3 1 * *", 90, "30 4 1 * *"},
		{"0 23 1 * *", 60, none},
		{"0 23 * 1 *", 60, none},
		{"0 23 1 * 1", 59, "59 23 1 * 1"},
		{"0 23 1 * 1", 60, none},
		{"0 23 1-31 * 1", 60, "0 0 1-31 * 1"}, // every day
		{"0 23 * 1-12 0-6", 60, "0 0 * * 0-6"},
		{"@daily", 45, "45 0 * * *"},
		{"@hourly", 45, "45 * * * *"},
		{"@weekly", 45, "45 0 * * 0"},
		{"@monthly", 45, "45 0 1 * *"},
		{"@yearly", 45, "45 0 1 1 *"},
	} {
		got := none
		if moved, ok := firingOf(tc.expression).later(tc.offset); ok {
			got = moved.String()
		}
		if got != tc.want {
			t.Errorf("%s, %d minutes later: got %q, want %q", tc.expression, tc.offset, got, tc.want)
		}
	}
}

// TestLaterIsExact compares the slots of a moved expression with those of the original, one
// by one. An offset is refused only if the slots are no single expression.
func TestLaterIsExact(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(17, 2027))
	expressions := []string{"@yearly", "@monthly", "@weekly", "@daily", "@hourly", "* * * * *", "0 0 29 2 *"}
	for range 300 {
		expressions = append(expressions, randomExpression(random))
	}
	moves := 0
	for _, expression := range expressions {
		if readExpression(expression).refusal != "" {
			continue
		}
		f := firingOf(expression)
		for range 4 {
			offset := random.IntN(minutesOfDay)
			moved, ok := f.later(offset)
			if !ok {
				if f.movable() {
					t.Errorf("%s cannot be moved by %d minutes", expression, offset)
				}
				continue
			}
			moves++
			checkSlots(t, expression, moved.String(), time.Duration(offset)*time.Minute)
			if period := f.period(); period > 0 { // so a shorter way has the same slots
				checkSlots(t, expression, moved.String(), time.Duration(offset%period)*time.Minute)
			}
		}
	}
	if moves < 300 {
		t.Fatalf("only %d moves were compared", moves)
	}
}

// checkSlots follows two expressions for five hundred slots, or for nine years.
func checkSlots(t *testing.T, original, moved string, offset time.Duration) {
	t.Helper()
	a, b := parsed(t, original), parsed(t, moved)
	at := time.Date(2027, time.March, 1, 0, 0, 0, 0, time.UTC)
	end := at.AddDate(9, 0, 0)
	for range 500 {
		want, got := a.Next(at), b.Next(at.Add(offset))
		if !got.Equal(want.Add(offset)) {
			t.Fatalf("%s, %s later, is %s: its slot after %s is %s, want %s", original, offset, moved, at.Add(offset), got, want.Add(offset))
		}
		if at = want; at.After(end) {
			return
		}
	}
}

func parsed(t *testing.T, expression string) cron.Schedule {
	t.Helper()
	s, err := cron.ParseStandard(expression)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return s
}

func randomExpression(random *rand.Rand) string {
	value := func(low, high int) string { return strconv.Itoa(low + random.IntN(high-low+1)) }
	field := func(low, high int) string {
		switch random.IntN(5) {
		case 0:
			return "*"
		case 1:
			return "*/" + value(1, high-low)
		case 2:
			first := low + random.IntN(high-low+1)
			return fmt.Sprintf("%d-%d", first, first+random.IntN(high-first+1))
		case 3:
			return value(low, high) + "," + value(low, high)
		default:
			return value(low, high)
		}
	}
	days := func(low, high int) string {
		if random.IntN(2) == 0 {
			return "*"
		}
		return field(low, high)
	}
	return strings.Join([]string{field(0, 59), field(0, 23), days(1, 28), days(1, 12), days(0, 6)}, " ")
}
