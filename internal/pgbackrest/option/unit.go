// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package option

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var size = regexp.MustCompile(`^([0-9]+)([kmgtp]i?b?|b)?$`)

// parseSize reads a size as pgBackRest does, in bytes: every unit is binary, in
// either case.
func parseSize(value string) (int64, bool) {
	match := size.FindStringSubmatch(strings.ToLower(value))
	if match == nil {
		return 0, false
	}
	multiplier := int64(1)
	if unit := match[2]; unit != "" {
		multiplier = 1 << (10 * strings.IndexByte("bkmgtp", unit[0]))
	}
	number, err := strconv.ParseInt(match[1], 10, 64)
	return number * multiplier, err == nil && number <= math.MaxInt64/multiplier
}

func formatSize(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	unit := 0
	for ; unit < len(units)-1 && bytes >= kib && bytes%kib == 0; unit++ {
		bytes /= kib
	}
	return decimal(bytes) + units[unit]
}

// timeUnits in milliseconds. The order matters: a value in ms ends in s, too.
var timeUnits = []struct {
	suffix       string
	milliseconds int64
}{
	{"ms", 1}, {"s", second}, {"m", minute}, {"h", hour}, {"d", day}, {"w", 7 * day},
}

// Duration reads the value of a Time, false if pgBackRest refuses it.
func Duration(value string) (time.Duration, bool) {
	milliseconds, ok := parseTime(value)
	return time.Duration(milliseconds) * time.Millisecond, ok && milliseconds <= math.MaxInt64/int64(time.Millisecond)
}

// parseTime reads a time as pgBackRest does, in milliseconds. Releases before 2.53
// also take a fraction of a second.
func parseTime(value string) (int64, bool) {
	text, multiplier := strings.ToLower(value), int64(second)
	for _, unit := range timeUnits {
		if number, ok := strings.CutSuffix(text, unit.suffix); ok {
			text, multiplier = number, unit.milliseconds
			break
		}
	}
	number, err := strconv.ParseInt(text, 10, 64)
	return number * multiplier, err == nil && number <= math.MaxInt64/multiplier && number >= 0
}

func formatTime(milliseconds int64) string {
	for _, unit := range slices.Backward(timeUnits[:len(timeUnits)-1]) {
		if milliseconds%unit.milliseconds == 0 {
			return decimal(milliseconds/unit.milliseconds) + unit.suffix
		}
	}
	return decimal(milliseconds) + "ms"
}

// unitless matches a time in seconds, which every release reads alike.
var unitless = regexp.MustCompile(`^[0-9]+[sS]?$`)
