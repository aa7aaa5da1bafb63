// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
)

// This file finds expressions that cron reads in another way than people do.

// oversizedStep refuses a step that no second value follows: */90 fires each hour
// and 0 */36 each day. A step of exactly the length is what it says, as in 0 */24.
// cron has no such interval, so nothing can do what the user wants.
func oversizedStep(fields []string) string {
	for i, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			_, text, stepped := strings.Cut(part, "/")
			step, err := strconv.Atoi(strings.TrimPrefix(text, "+"))
			if f := cronFields[i]; stepped && err == nil && step > f.count {
				return fmt.Sprintf("must not have a step of %d in the %s, which has %d values: it begins again in each %s, so cron fires once in each; use a step of at most %d",
					step, f.name, f.count, f.in, f.count)
			}
		}
	}
	return ""
}

// starBit is set in a field that cron takes for *.
const starBit = 1 << 63

// eitherDay warns of a day of month together with a day of week: cron fires on
// both, and not only where they meet.
func eitherDay(s *cron.SpecSchedule) string {
	if s.Dom&starBit != 0 || s.Dow&starBit != 0 {
		return ""
	}
	return "names a day of month and a day of week: cron fires on each day that matches one of them, not only where both meet; put * in one of the two"
}
