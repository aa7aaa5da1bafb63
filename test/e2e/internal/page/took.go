// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"regexp"
	"time"
)

// took matches what Took writes.
var took = regexp.MustCompile(`about \d+ (seconds|minutes)`)

// Took writes how long something took, rounded, as a reader expects it. No machine takes
// that long again, so KeepTook leaves it out of the comparison, and Stable does not match
// it.
func Took(d time.Duration) string {
	if d < 90*time.Second {
		return fmt.Sprintf("about %d seconds", max(5, int(d.Round(5*time.Second).Seconds())))
	}
	return fmt.Sprintf("about %d minutes", int(d.Round(time.Minute).Minutes()))
}

// KeepTook returns the document of before if the text differs from it only in how long
// something took, and the text otherwise.
func KeepTook(text, before string) string {
	const some = "some time"
	if took.ReplaceAllString(text, some) == took.ReplaceAllString(before, some) {
		return before
	}
	return text
}
