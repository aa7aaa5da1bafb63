// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"regexp"

	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
)

// Not is the end of a message that says what a field must be: the value that it has
// instead, and the known one that it is most likely meant to be. It is empty for a
// value that may be a credential in the wrong field: what is long, or mixes letters
// and digits, and is close to nothing known. Never use it for a field that may hold
// a credential.
func Not(value string, known []string) string {
	didYouMean := nearmiss.DidYouMean(value, known)
	if !quotable.MatchString(value) && (didYouMean == "" || !word.MatchString(value)) {
		return ""
	}
	return `, not "` + value + `"` + didYouMean
}

var (
	// quotable matches a word, a number with a unit, a part of a cron expression, the
	// name of a time zone, and the name of a repo.
	quotable = regexp.MustCompile(`^([A-Za-z][A-Za-z/_-]{0,31}|[0-9*/,.+-]{1,24} ?[A-Za-z]{0,3}|[Rr]epo[-_ ]?[0-9]{1,2})$`)
	// word matches what may be repeated because it is close to a known name.
	word = regexp.MustCompile(`^[A-Za-z0-9_-]{1,24}$`)
)
