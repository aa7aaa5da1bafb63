// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"time"
)

// serverTime is how PostgreSQL prints a timestamptz with DateStyle ISO and time zone UTC.
const serverTime = "2006-01-02 15:04:05.999999-07"

func parseServerTime(text string) (time.Time, error) {
	t, err := time.Parse(serverTime, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time of PostgreSQL", text)
	}
	return t.UTC(), nil
}
