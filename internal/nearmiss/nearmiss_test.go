// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package nearmiss_test

import (
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
)

func TestOf(t *testing.T) {
	t.Parallel()
	known := []string{"backup", "pgbackrest", "repos", "name", "storage", "resource", "region", "secret", "schedule", "key", "keyType", "volume", "full", "incr", "diff"}
	for word, want := range map[string]string{
		"schedules":   "schedule",
		"backups":     "backup",
		"pgBackRest":  "pgbackrest",
		"pg_backrest": "pgbackrest",
		"storag":      "storage",
		"regoin":      "region",
		"secretName":  "secret",
		"keytype":     "keyType",
		"incremental": "incr",
		"ful":         "full",
		"schedule":    "",
		"future":      "",
		"x":           "",
		"":            "",
		"tolerations": "",
	} {
		if got := nearmiss.Of(word, known); got != want {
			t.Errorf("%q is a near miss of %q, want %q", word, got, want)
		}
	}
}

func TestSpelling(t *testing.T) {
	t.Parallel()
	known := []string{"compress-level", "compress-type", "resume"}
	for word, want := range map[string]string{
		"compres-level":       "compress-level",
		"compress_type":       "compress-type",
		"resum":               "resume",
		"compress-level-file": "",
		"compress":            "",
	} {
		if got := nearmiss.Spelling(word, known); got != want {
			t.Errorf("%q is spelt like %q, want %q", word, got, want)
		}
	}
}

// A word of any length is answered at once.
func TestSpellingOfAHugeWord(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("compress-level", 1<<20)
	if got := nearmiss.Spelling(word, []string{"compress-level", strings.Repeat("x", 64)}); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"schedule"}
	if got := nearmiss.DidYouMean("schedules", known); got != "; did you mean schedule?" {
		t.Errorf("got %q", got)
	}
	if got := nearmiss.DidYouMean("future", known); got != "" {
		t.Errorf("got %q", got)
	}
}
