// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"time"
)

// parseLSN reads a position in WAL, such as 0/19006D40.
func parseLSN(text string) (uint64, error) {
	var high, low uint32
	if _, err := fmt.Sscanf(text, "%X/%X", &high, &low); err != nil {
		return 0, fmt.Errorf("%q is not an LSN", text)
	}
	return uint64(high)<<32 | uint64(low), nil
}

// segmentName names the WAL segment of a position.
func segmentName(timeline int, position, segmentBytes uint64) string {
	if segmentBytes == 0 {
		return "of the next segment"
	}
	perFile := (uint64(1) << 32) / segmentBytes
	segment := position / segmentBytes
	return fmt.Sprintf("%08X%08X%08X", timeline, segment/perFile, segment%perFile)
}

// serverTime is how PostgreSQL prints a timestamptz with DateStyle ISO and time zone UTC.
const serverTime = "2006-01-02 15:04:05.999999-07"

func parseServerTime(text string) (time.Time, error) {
	t, err := time.Parse(serverTime, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time of PostgreSQL", text)
	}
	return t.UTC(), nil
}
