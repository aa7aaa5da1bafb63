// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What pgBackRest waits for WAL if archive-timeout is not set, and at most.
const (
	defaultArchiveTimeout = time.Minute
	maxArchiveTimeout     = 24 * time.Hour
)

var (
	optionTime = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)?$`)
	timeUnits  = map[string]time.Duration{
		"": time.Second, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
	}
)

// ArchiveTimeout returns how long pgBackRest waits for a WAL segment, from the value of
// the option archive-timeout: seconds, or a number with a unit. It returns the
// default for an empty value, and for one that pgBackRest refuses.
func ArchiveTimeout(value string) time.Duration {
	match := optionTime.FindStringSubmatch(strings.ToLower(value))
	if match == nil {
		return defaultArchiveTimeout
	}
	number, err := strconv.ParseFloat(match[1], 64)
	timeout := time.Duration(number * float64(timeUnits[match[2]]))
	if err != nil || timeout < 100*time.Millisecond || timeout > maxArchiveTimeout {
		return defaultArchiveTimeout
	}
	return timeout
}
