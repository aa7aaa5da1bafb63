// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Layouts of a time, without and with an offset. Fractions of a second are read, too.
var (
	dates   = []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"}
	offsets = []string{"Z07", "Z0700", "Z07:00", "-07", "-0700", "-07:00"}
)

// Reading is what a text about a time can mean.
type Reading struct {
	// Moments that it can mean, the earliest first. More than one is a local time around a
	// change of the clocks.
	Moments []time.Time
	// Zoned is false if the text has no offset and no zone was given: then the moment is
	// that of UTC, and nobody has said so.
	Zoned bool
	// Skipped says that the local time does not exist: the clocks were put forward over it.
	Skipped bool
}

// ReadTime reads a time such as 2026-11-28 14:03:00+01, and one without an offset in a
// zone, which may be nil.
func ReadTime(text string, zone *time.Location) (Reading, error) {
	text = strings.TrimSpace(text)
	if bare, ok := strings.CutSuffix(text, " UTC"); ok {
		text = bare + "Z"
	}
	for _, date := range dates {
		for _, offset := range offsets {
			for _, space := range []string{"", " "} {
				if at, err := time.Parse(date+space+offset, text); err == nil {
					return Reading{Moments: []time.Time{at.UTC()}, Zoned: true}, nil
				}
			}
		}
		if at, err := time.Parse(date, text); err == nil {
			return readLocal(at, zone), nil
		}
	}
	return Reading{}, fmt.Errorf("%q is no time such as 2026-11-28 14:03:00+01", text)
}

// readLocal finds the moments at which the clocks of a zone show a time.
func readLocal(shown time.Time, zone *time.Location) Reading {
	if zone == nil {
		return Reading{Moments: []time.Time{shown}}
	}
	var shows, all []time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, seconds := shown.Add(near).In(zone).Zone()
		at := shown.Add(-time.Duration(seconds) * time.Second)
		_, there := at.In(zone).Zone()
		all = append(all, at)
		if there == seconds {
			shows = append(shows, at)
		}
	}
	r := Reading{Moments: shows, Zoned: true}
	if len(shows) == 0 {
		r.Moments, r.Skipped = all, true
	}
	slices.SortFunc(r.Moments, time.Time.Compare)
	r.Moments = slices.CompactFunc(r.Moments, time.Time.Equal)
	return r
}

// ForReading plans a restore to a time as a person has written it. It refuses a text that
// does not say which moment is meant.
func ForReading(in Input, text string, reading Reading, target Target) (Plan, *Refusal) {
	target.Kind = Time
	if reading.Zoned && !reading.Skipped && len(reading.Moments) == 1 {
		target.Time = reading.Moments[0]
		return For(in, target)
	}
	first, last := reading.Moments[0], reading.Moments[len(reading.Moments)-1]
	refusal := refuse(NoZone, fmt.Sprintf("%q has no offset, and pgBackRest and PostgreSQL would each read it in their own time zone: write it with one, such as %s if UTC is meant, or say --zone", text, stamp(first)))
	switch {
	case reading.Skipped:
		refusal = refuse(Ambiguous, fmt.Sprintf("%q does not exist in that zone, because the clocks were put forward: write it with an offset, as %s or %s", text, stamp(first), stamp(last)))
	case reading.Zoned:
		refusal = refuse(Ambiguous, fmt.Sprintf("%q exists twice in that zone, because the clocks were put back: write it with an offset; it is %s or %s", text, stamp(first), stamp(last)))
	}
	if p, unreadable := newPlanner(in); unreadable == nil {
		refusal.Before, refusal.After = p.around(first, last)
	}
	return Plan{}, refusal
}

// around returns the nearest moments up to one and from another on.
func (p *planner) around(first, last time.Time) (before, after *Moment) {
	moments := p.moments(time.Time{})
	at, _ := slices.BinarySearchFunc(moments, first, time.Time.Compare)
	earlier := append(slices.Clone(moments[:at]), first)
	slices.Reverse(earlier)
	at, _ = slices.BinarySearchFunc(moments, last, time.Time.Compare)
	return p.nearest(earlier), p.nearest(append([]time.Time{last}, moments[at:]...))
}
