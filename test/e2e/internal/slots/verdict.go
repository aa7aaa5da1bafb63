// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package slots

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Period is a time in which a schedule was in force: each of its slots in it must have
// run. A slot at From counts, one at To does not.
type Period struct {
	Backup

	Expression string
	From, To   time.Time
}

// Verdict is what came of the slots.
type Verdict struct {
	// Problems, one a line.
	Problems []string
	// Slots that had to run; how many slots CPO and we ran; and how many runs of ours
	// left their slot to CPO.
	Slots, CPO, Ours, Left int
	// Blind runs ended before they could look whose slot it was. They made no backup.
	Blind int
	// Busy slots found the run of an earlier one: neither CronJob nor CronWorkflow starts
	// a second one then.
	Busy int
}

func (v Verdict) String() string {
	return fmt.Sprintf("%d slots had to run; CPO ran %d slots, Stanzaflow %d; %d runs of Stanzaflow left their slot to CPO; %d ended before they could look; %d slots found a run of an earlier one; %d problems",
		v.Slots, v.CPO, v.Ours, v.Left, v.Blind, v.Busy, len(v.Problems))
}

// slot is a moment of a Backup.
type slot struct {
	Backup

	at int64 // seconds
}

// Judge compares what was started with what had to be. Each slot of a period must have
// run once, and every other slot at most once.
func Judge(entries []Entry, periods []Period) (Verdict, error) {
	var v Verdict
	started := map[slot][]Entry{}
	for _, e := range entries {
		key := slot{e.Backup(), e.Slot.Unix()}
		switch {
		case e.Left:
			v.Left++
			continue
		case e.Kind == Job:
			v.CPO++
		case e.Blind:
			v.Blind++
		default:
			v.Ours++
		}
		started[key] = append(started[key], e)
	}
	for _, key := range slices.SortedFunc(maps.Keys(started), func(a, b slot) int { return int(a.at - b.at) }) {
		ran := slices.DeleteFunc(slices.Clone(started[key]), func(e Entry) bool { return e.Blind })
		if len(ran) > 1 {
			v.problem(key, "ran %d times: %s", len(ran), describe(ran))
		}
	}
	for _, period := range periods {
		schedule, err := cron.ParseStandard(period.Expression)
		if err != nil {
			return v, err
		}
		for at := schedule.Next(period.From.UTC().Add(-time.Second)); at.Before(period.To); at = schedule.Next(at) {
			v.Slots++
			key := slot{period.Backup, at.Unix()}
			switch {
			case len(started[key]) > 0:
			case busy(entries, key):
				v.Busy++
			default:
				v.problem(key, "was missed; %s", left(entries, key))
			}
		}
	}
	return v, nil
}

func (v *Verdict) problem(key slot, format string, args ...any) {
	at := time.Unix(key.at, 0).UTC().Format(time.TimeOnly)
	v.Problems = append(v.Problems, fmt.Sprintf("slot %s of %s ", at, key.Backup)+fmt.Sprintf(format, args...))
}

func describe(entries []Entry) string {
	var texts []string
	for _, e := range entries {
		texts = append(texts, fmt.Sprintf("%s %s %s %s", e.Kind, e.Name, e.Phase, e.Message))
	}
	return strings.Join(texts, "; ")
}

// busy reports whether the run of an earlier slot had not ended at a slot.
func busy(entries []Entry, key slot) bool {
	at := time.Unix(key.at, 0)
	return slices.ContainsFunc(entries, func(e Entry) bool {
		return e.Backup() == key.Backup && e.Slot.Before(at) && e.Began.Before(at) && !e.Ended.IsZero() && e.Ended.After(at)
	})
}

// left describes the runs that left a slot to CPO.
func left(entries []Entry, key slot) string {
	entries = slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return e.Backup() != key.Backup || e.Slot.Unix() != key.at })
	if len(entries) == 0 {
		return "nothing was started for it"
	}
	return describe(entries)
}
