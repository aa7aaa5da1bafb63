// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// schedules plans the CronWorkflows of one repo.
func (t *translation) schedules(r repo) {
	for _, backupType := range slices.Sorted(maps.Keys(r.Schedule)) {
		field, expression := r.path+".schedule."+backupType, r.Schedule[backupType]
		if !slices.Contains(cpo.BackupTypes, backupType) {
			t.problem(r.path+".schedule", vocab.ReasonUnsupportedBackupType, "knows only full, diff and incr")
			// It may be the misspelt name of a type that has a schedule.
			t.keepRepo(r.Name)
			continue
		}
		if expression == "" { // off
			continue
		}
		gap, message := checkSchedule(expression)
		switch {
		case t.refusesExpression(field, expression):
			t.keep(r.Name, backupType)
		case message != "":
			t.problem(field, vocab.ReasonInvalidSchedule, "%s", message)
			t.keep(r.Name, backupType)
		case t.stanzaRefused: // it says nothing that a schedule could run by
			t.keep(r.Name, backupType)
		default:
			t.plan.CronWorkflows = append(t.plan.CronWorkflows, t.cronWorkflow(r, backupType, expression, gap))
		}
	}
}

// checkSchedule reads a cron expression as Argo does and refuses what Argo
// accepts and then never or wrongly runs. It returns the shortest gap between
// two activations, or what is wrong.
func checkSchedule(expression string) (time.Duration, string) {
	if strings.TrimSpace(expression) != expression {
		return 0, "has a space before or after it"
	}
	if strings.Contains(expression, "TZ=") {
		return 0, "must not name a time zone; set spec.timeZone of the Stanza"
	}
	if strings.HasPrefix(expression, "@every") {
		return 0, "@every counts from whenever Argo reads the schedule again; use five fields such as */30 * * * *"
	}
	if strings.HasPrefix(expression, "@") {
		if _, err := cron.ParseStandard(expression); err != nil {
			return 0, "is not a cron expression: unknown descriptor, use five fields such as 30 2 * * *"
		}
	} else if n := len(strings.Fields(expression)); n != 5 {
		return 0, "must have five fields (minute hour day-of-month month day-of-week), such as 30 2 * * *"
	}
	schedule, err := cron.ParseStandard(expression)
	if err != nil {
		return 0, "is not a cron expression: " + strings.ToValidUTF8(err.Error(), "?")
	}
	gap, fires := shortestGap(schedule)
	if !fires {
		return 0, "never fires: there is no such date"
	}
	return gap, ""
}

// shortestGap looks at the activations after a fixed moment, in a leap year,
// so that the answer does not depend on the day on which it is asked. 200 are
// enough to cross a day boundary for every minute pattern a DBA writes; a wrong
// guess only changes for how long a missed run may start late.
func shortestGap(schedule cron.Schedule) (time.Duration, bool) {
	last := schedule.Next(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC))
	if last.IsZero() {
		return 0, false
	}
	shortest := time.Duration(1<<63 - 1)
	for range 200 {
		next := schedule.Next(last)
		if next.IsZero() {
			break
		}
		shortest = min(shortest, next.Sub(last))
		last = next
	}
	return shortest, true
}
