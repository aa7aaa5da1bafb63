// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestReadWindow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"0": 0, "0s": 0, "90m": 90 * time.Minute, "1h30m0s": 90 * time.Minute, "24h": MaxWindow} {
		if got, err := ReadWindow(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "90", "-1m", "90s", "1m30s", "24h1m", "1d", "{{x}}"} {
		if _, err := ReadWindow(text); !errors.Is(err, ErrWindow) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// A schedule that repeats itself within the offset keeps its slots, and its runs come before
// the next one.
func TestMove(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		expression string
		offset     time.Duration
		want       Moved
	}{
		{"30 2 * * *", 0, Moved{Expression: "30 2 * * *", Asked: "30 2 * * *"}},
		{"@daily", 0, Moved{Expression: "@daily", Asked: "@daily"}},
		{"30 2 * * *", 75 * time.Minute, Moved{"45 3 * * *", "30 2 * * *", 75 * time.Minute}},
		{"*/30 * * * *", 75 * time.Minute, Moved{"15,45 * * * *", "*/30 * * * *", 15 * time.Minute}},
		{"*/30 * * * *", 60 * time.Minute, Moved{Expression: "*/30 * * * *", Asked: "*/30 * * * *"}},
		{"0 */4 * * *", 250 * time.Minute, Moved{"10 0-20/4 * * *", "0 */4 * * *", 10 * time.Minute}},
		// What one expression cannot say is moved by less.
		{"0 23 1 * *", 75 * time.Minute, Moved{"59 23 1 * *", "0 23 1 * *", 59 * time.Minute}},
		{"*/30 8-18 * * *", 45 * time.Minute, Moved{"29,59 8-18 * * *", "*/30 8-18 * * *", 29 * time.Minute}},
	} {
		if got := Move(tc.expression, tc.offset); got != tc.want {
			t.Errorf("%s by %s: got %+v, want %+v", tc.expression, tc.offset, got, tc.want)
		}
	}
}

// TestOffsetIsStable holds the offsets of some repos for all times: another hash would move
// every schedule of every fleet at an upgrade.
func TestOffsetIsStable(t *testing.T) {
	t.Parallel()
	for name, want := range map[[3]string]time.Duration{
		{"shop", "orders", "repo1"}:  47 * time.Minute,
		{"shop", "orders", "repo2"}:  48 * time.Minute,
		{"shop", "billing", "repo1"}: 61 * time.Minute,
		{"bank", "orders", "repo1"}:  49 * time.Minute,
	} {
		if got := offsetOf(name[0], name[1], name[2], 90*time.Minute, []string{"30 2 * * *"}); got != want {
			t.Errorf("%v: got %s, want %s", name, got, want)
		}
	}
}

// All schedules of a repo have one offset, with which each is a single expression.
func TestOffsetFitsEverySchedule(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		expressions []string
		fits        func(offset int) bool
		offsets     int
	}{
		"no schedule":         {nil, func(int) bool { return true }, 90},
		"daily and hourly":    {[]string{"30 2 * * 0", "30 2 * * 1-6", "*/30 * * * *"}, func(int) bool { return true }, 90},
		"monthly before noon": {[]string{"0 3 1 * *", "@daily"}, func(int) bool { return true }, 90},
		"monthly at night":    {[]string{"40 23 1 * *", "@daily"}, func(offset int) bool { return offset < 20 }, 20},
		"office hours":        {[]string{"0 1 * * *", "*/20 8-18 * * *"}, func(offset int) bool { return offset%60 < 20 }, 40},
		"the last minute":     {[]string{"59 23 31 12 *"}, func(offset int) bool { return offset == 0 }, 1},
	} {
		found := map[int]bool{}
		for i := range 2000 {
			offset := int(offsetOf("shop", fmt.Sprintf("cluster-%d", i), "repo1", 90*time.Minute, tc.expressions) / time.Minute)
			if found[offset] = true; offset < 0 || offset >= 90 || !tc.fits(offset) {
				t.Fatalf("%s: an offset is %d", name, offset)
			}
		}
		if len(found) != tc.offsets {
			t.Errorf("%s: %d offsets are used, want %d", name, len(found), tc.offsets)
		}
	}
}

// TestOffsetsAreEven spreads ten thousand clusters with names as fleets have them.
func TestOffsetsAreEven(t *testing.T) {
	t.Parallel()
	const clusters, window = 10_000, 90
	for name, of := range map[string]func(i int) (namespace, cluster string){
		"one namespace":          func(i int) (string, string) { return "shop", fmt.Sprintf("pg-%d", i) },
		"a namespace for each":   func(i int) (string, string) { return fmt.Sprintf("team-%05d", i), "cluster" },
		"two hundred namespaces": func(i int) (string, string) { return fmt.Sprintf("team-%03d", i%200), fmt.Sprintf("pg-%02d", i/200) },
	} {
		counts := make([]int, window)
		for i := range clusters {
			namespace, cluster := of(i)
			counts[offsetOf(namespace, cluster, "repo1", window*time.Minute, []string{"30 2 * * *"})/time.Minute]++
		}
		least, most := slices.Min(counts), slices.Max(counts)
		t.Logf("%s: %d to %d clusters start in a minute, %d on average", name, least, most, clusters/window)
		if mean := clusters / window; most > 2*mean || least < mean/2 {
			t.Errorf("%s: %d to %d clusters start in a minute, %d on average", name, least, most, mean)
		}
	}
}
