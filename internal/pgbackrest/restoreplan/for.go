// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import "time"

// For plans a restore, or says why there is none.
func For(in Input, target Target) (Plan, *Refusal) {
	return Plan{}, refuse(NoRepo, "not yet")
}

// Window returns the moments between which a drill picks one: from the end of the oldest
// backup to the newest heartbeat. It is false if either is unknown.
func Window(in Input) (oldest, newest time.Time, ok bool) {
	return time.Time{}, time.Time{}, false
}
