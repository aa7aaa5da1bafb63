// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
)

// This file moves a cron expression by some minutes, exactly, to another expression.

const (
	minutesOfHour = 60
	hoursOfDay    = 24
	minutesOfDay  = minutesOfHour * hoursOfDay
)

// set has a bit for each value of a field.
type set uint64

const (
	allMinutes set = 1<<minutesOfHour - 1
	allHours   set = 1<<hoursOfDay - 1
	allDates   set = (1<<31 - 1) << 1
	allMonths  set = (1<<12 - 1) << 1
	allDays    set = 1<<7 - 1
)

// firing is when a cron expression fires: at each of its minutes in each of its hours, on
// each of its days.
type firing struct {
	minutes, hours, dates, months, days set
	// anyDate and anyDay: the field is *. Otherwise cron fires on the days of both fields.
	anyDate, anyDay bool
}

// firingOf reads a good expression.
func firingOf(expression string) firing {
	parsed, _ := cron.ParseStandard(expression)
	s, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return firing{}
	}
	without := func(field uint64) set { return set(field &^ starBit) }
	return firing{
		minutes: without(s.Minute), hours: without(s.Hour), dates: without(s.Dom), months: without(s.Month), days: without(s.Dow),
		anyDate: s.Dom&starBit != 0, anyDay: s.Dow&starBit != 0,
	}
}

// daily reports whether an expression fires on every day.
func (f firing) daily() bool {
	every := f.dates == allDates && f.days == allDays
	if !f.anyDate && !f.anyDay {
		every = f.dates == allDates || f.days == allDays
	}
	return every && f.months == allMonths
}

// weekly reports whether only the day of the week decides on which days it fires.
func (f firing) weekly() bool {
	return f.months == allMonths && f.dates == allDates && (f.anyDate || f.anyDay)
}

// times are some minutes of some hours, of the day itself or of the next one.
type times struct {
	minutes, hours set
	nextDay        bool
}

// later returns the expression that fires an offset later than f, in minutes, less than a
// day. It is false if that takes more than one expression, or if none can say it: a day of
// the month has no number that is always the next one's.
func (f firing) later(offset int) (firing, bool) {
	parts := f.parts(offset)
	if len(parts) != 1 {
		return firing{}, false
	}
	moved := f
	moved.minutes, moved.hours = parts[0].minutes, parts[0].hours
	if parts[0].nextDay {
		if !f.weekly() {
			return firing{}, false
		}
		moved.days = (f.days<<1 | f.days>>6) & allDays
	}
	return moved, true
}

// parts are the times at which f fires with an offset, in as few parts as possible. Minutes
// that pass the hour are in another hour than those that do not.
func (f firing) parts(offset int) []times {
	hours, minutes := offset/minutesOfHour, offset%minutesOfHour
	var parts []times
	for _, part := range []struct {
		minutes set
		hours   int
	}{{f.minutes << minutes & allMinutes, hours}, {f.minutes >> (minutesOfHour - minutes), hours + 1}} {
		today, tomorrow := f.hours<<part.hours&allHours, f.hours<<part.hours>>hoursOfDay
		if part.minutes == 0 {
			continue
		}
		if f.daily() {
			today, tomorrow = today|tomorrow, 0
		}
		for _, t := range []times{{part.minutes, today, false}, {part.minutes, tomorrow, true}} {
			if t.hours != 0 {
				parts = append(parts, t)
			}
		}
	}
	return joined(parts)
}

// joined joins the parts that have the same hours of the same day.
func joined(parts []times) []times {
	var all []times
	for _, t := range parts {
		same := slices.IndexFunc(all, func(a times) bool { return a.hours == t.hours && a.nextDay == t.nextDay })
		if same < 0 {
			all = append(all, t)
			continue
		}
		all[same].minutes |= t.minutes
	}
	return all
}

// period is the shortest time in minutes after which f fires just as before, at any moment
// of any day. It is 0 if there is none within a day.
func (f firing) period() int {
	if !f.daily() {
		return 0
	}
	if f.hours == allHours {
		for period := 1; period < minutesOfHour; period++ {
			if minutesOfHour%period == 0 && rotated(f.minutes, period, minutesOfHour) == f.minutes {
				return period
			}
		}
	}
	for period := 1; period < hoursOfDay; period++ {
		if hoursOfDay%period == 0 && rotated(f.hours, period, hoursOfDay) == f.hours {
			return period * minutesOfHour
		}
	}
	return minutesOfDay
}

// rotated adds to each value of a field, which begins again after its last one.
func rotated(s set, by, length int) set {
	return (s<<by | s>>(length-by)) & (1<<length - 1)
}

// String is the expression.
func (f firing) String() string {
	star := func(any bool, text string) string {
		if any {
			return "*"
		}
		return text
	}
	return strings.Join([]string{
		star(f.minutes == allMinutes, f.minutes.text()), star(f.hours == allHours, f.hours.text()),
		star(f.anyDate, f.dates.text()), star(f.months == allMonths, f.months.text()), star(f.anyDay, f.days.text()),
	}, " ")
}

// text is a set as a list, with ranges for values in a row, and for values in equal steps.
func (s set) text() string {
	var values []int
	for rest := uint64(s); rest != 0; rest &= rest - 1 {
		values = append(values, bits.TrailingZeros64(rest))
	}
	if text := steps(values); text != "" {
		return text
	}
	var list []string
	for len(values) > 0 {
		row := 1
		for row < len(values) && values[row] == values[0]+row {
			row++
		}
		if row < shortestRange {
			row = 1
		}
		list = append(list, rangeOf(values[0], values[row-1]))
		values = values[row:]
	}
	return strings.Join(list, ",")
}

// shortestRange is how many values are easier to read as a range.
const shortestRange = 3

// steps is a list of values in equal steps, empty if they are not, or are one by one.
func steps(values []int) string {
	if len(values) < shortestRange {
		return ""
	}
	step := values[1] - values[0]
	for i := 1; i < len(values); i++ {
		if values[i]-values[i-1] != step {
			return ""
		}
	}
	text := rangeOf(values[0], values[len(values)-1])
	if step > 1 {
		text += "/" + strconv.Itoa(step)
	}
	return text
}

func rangeOf(first, last int) string {
	if first == last {
		return strconv.Itoa(first)
	}
	return strconv.Itoa(first) + "-" + strconv.Itoa(last)
}
