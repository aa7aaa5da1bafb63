// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"fmt"
	"math"
	"strconv"
)

// Units of Grafana that we write as it does.
const (
	unitSeconds = "s"
	unitBytes   = "bytes"
	unitRatio   = "percentunit"
)

// write gives a number in a unit of Grafana.
func write(value float64, unit string) string {
	switch unit {
	case unitSeconds:
		return writeSeconds(value)
	case unitBytes:
		return writeBytes(value)
	case unitRatio:
		return digits(value*100) + " %"
	}
	return digits(value)
}

func writeSeconds(value float64) string {
	for _, unit := range []struct {
		seconds float64
		name    string
	}{{7 * 86400, "week"}, {86400, "day"}, {3600, "hour"}, {60, "min"}} {
		if math.Abs(value) < unit.seconds {
			continue
		}
		text := digits(value / unit.seconds)
		if text != "1" && unit.name != "min" {
			unit.name += "s"
		}
		return text + " " + unit.name
	}
	return digits(value) + " s"
}

func writeBytes(value float64) string {
	names := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	n := 0
	for math.Abs(value) >= 1024 && n < len(names)-1 {
		value /= 1024
		n++
	}
	return digits(value) + " " + names[n]
}

// digits writes three digits of a number, and all of those before the point.
func digits(value float64) string {
	if math.Abs(value) >= 100 {
		return fmt.Sprintf("%.0f", value)
	}
	rounded, err := strconv.ParseFloat(fmt.Sprintf("%.3g", value), 64)
	if err != nil {
		return "?"
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// steps are round numbers of seconds.
var steps = []float64{1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400}

// round is the next round number that is not smaller, for the steps of an axis.
func round(value float64, unit string) float64 {
	if unit == unitSeconds && value >= 1 {
		for _, step := range steps {
			if step >= value {
				return step
			}
		}
		week := steps[len(steps)-1]
		return math.Ceil(value/week) * week
	}
	base := 1.0
	if unit == unitBytes {
		base = math.Pow(1024, math.Floor(math.Log(max(value, 1))/math.Log(1024)))
	}
	power := base * math.Pow(10, math.Floor(math.Log10(value/base)))
	for _, factor := range []float64{1, 2, 5} {
		if factor*power >= value {
			return factor * power
		}
	}
	return 10 * power
}
