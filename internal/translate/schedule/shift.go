// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"math/bits"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
)

// This file moves a cron expression by some minutes, exactly, to another expression.

const (
	minutesOfHour = 60
	hoursOfDay    = 24
	minutesOfDay  = minutesOfHour * hoursOfDay
	daysOfWeek    = 7
)

// set has a bit for each value of a field.
type set uint64

const (
	allMinutes set = 1<<minutesOfHour - 1
	allHours   set = 1<<hoursOfDay - 1
	allDates   set = (1<<31 - 1) << 1
	allMonths  set = (1<<12 - 1) << 1
	allDays    set = 1<<daysOfWeek - 1
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

// later returns the expression that fires an offset later than f, in minutes, less than a
// day. It is false if that takes more than one expression, or if none can say it: a day of
// the month has no number that is always the next one's.
func (f firing) later(offset int) (firing, bool) {
	hours, minutes, moved := offset/minutesOfHour, offset%minutesOfHour, f
	stay, carried := f.minutes<<minutes&allMinutes, f.minutes>>(minutesOfHour-minutes)
	switch {
	case carried == 0:
		moved.minutes = stay
	case stay == 0:
		moved.minutes, hours = carried, hours+1
	case f.hours == allHours && f.daily():
		moved.minutes = stay | carried
		return moved, true
	default: // the minutes that pass the hour need other hours
		return firing{}, false
	}
	today, tomorrow := f.hours<<hours&allHours, f.hours<<hours>>hoursOfDay
	switch {
	case tomorrow == 0:
		moved.hours = today
	case f.daily():
		moved.hours = today | tomorrow
	case today == 0 && f.weekly():
		moved.hours, moved.days = tomorrow, rotated(f.days, 1, daysOfWeek)
	default: // the hours that pass midnight need other days
		return firing{}, false
	}
	return moved, true
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
	star := func(every bool, text string) string {
		if every {
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
