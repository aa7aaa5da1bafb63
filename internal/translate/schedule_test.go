// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"
	"testing"
)

// A date that there is in some year only is one; a weekday is enough, where both
// are given.
func TestNeverFires(t *testing.T) {
	t.Parallel()
	for expression, never := range map[string]bool{
		"* * * * *": false, "30 2 * * *": false, "@yearly": false,
		"0 0 29 2 *": false, "0 0 31 1-2 *": false, "0 0 31 2 1": false, "59 23 31 12 *": false,
		"0 0 30 2 *": true, "0 0 31 2 *": true, "0 0 31 2,4,6,9,11 *": true, "0 0 31 2 */1": true,
	} {
		_, message := readSchedule(expression)
		if strings.Contains(message, "never fires") != never {
			t.Errorf("%s: never fires is to be %v, message %q", expression, never, message)
		}
	}
}
