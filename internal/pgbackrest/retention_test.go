// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// week is a full on Sunday, a diff on Wednesday and an incr each other day, for some
// weeks. The labels are short here: F1, F1_D4, F1_I2.
func weeks(n int) string {
	var b strings.Builder
	for w := range n {
		for day := range 7 {
			switch day {
			case 0:
				fmt.Fprintf(&b, "F%d ", w+1)
			case 3:
				fmt.Fprintf(&b, "F%d_D%d ", w+1, day+1)
			default:
				fmt.Fprintf(&b, "F%d_I%d ", w+1, day+1)
			}
		}
	}
	return b.String()
}

var sunday = time.Date(2026, 11, 1, 2, 30, 0, 0, time.UTC)

// label makes pgBackRest's label of a short one.
func label(short string) (string, time.Time) {
	var week, day int
	var kind rune
	if n, _ := fmt.Sscanf(short, "F%d_%c%d", &week, &kind, &day); n < 3 {
		day = 1
	}
	full := sunday.AddDate(0, 0, 7*(week-1))
	at := full.AddDate(0, 0, day-1)
	text := full.Format("20060102-150405F")
	if kind != 0 {
		text += at.Format("_20060102-150405") + string(kind)
	}
	return text, at
}

// stored are backups by their short labels; F2@2 is of database 2. Each took ten minutes.
func stored(list string) (backups []Backup, short map[string]string) {
	short = map[string]string{}
	for name := range strings.FieldsSeq(list) {
		name, database, _ := strings.Cut(name, "@")
		id := 1
		if database != "" {
			_, _ = fmt.Sscan(database, &id)
		}
		text, at := label(name)
		backups = append(backups, Backup{Label: text, Start: at, Stop: at.Add(10 * time.Minute), DatabaseID: id})
		short[text] = name
	}
	return backups, short
}

func TestRetention(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retention Retention
		stored    string
		// day is when expire runs, days after the first Sunday.
		day     float64
		removed string
		wal     string
	}{
		"nothing is set": {Retention{}, weeks(2), 14, "", "all"},
		"two fulls of three, with what builds on the oldest": {
			Retention{Full: 2},
			weeks(3), 21,
			"F1 F1_I2 F1_I3 F1_D4 F1_I5 F1_I6 F1_I7", "F2",
		},
		"as many fulls as are kept":       {Retention{Full: 3}, weeks(3), 21, "", "F1"},
		"fewer fulls than are kept":       {Retention{Full: 4}, weeks(3), 21, "", "all"},
		"the last full stays":             {Retention{Full: 1}, "F1", 100, "", "F1"},
		"by time, not met":                {Retention{Full: 30, ByTime: true}, weeks(3), 21, "", "all"},
		"by time, the full before stays":  {Retention{Full: 7, ByTime: true}, weeks(3), 16, "F1 F1_I2 F1_I3 F1_D4 F1_I5 F1_I6 F1_I7", "F2"},
		"by time, a full that is as old":  {Retention{Full: 7, ByTime: true}, "F1 F2 F3", 14 + 10.0/1440, "", "F1"},
		"by time, a minute later":         {Retention{Full: 7, ByTime: true}, "F1 F2 F3", 14 + 11.0/1440, "F1", "F2"},
		"by time, the last full stays":    {Retention{Full: 7, ByTime: true}, "F1 F2", 1000, "F1", "F2"},
		"by time, WAL of one full":        {Retention{Full: 7, ByTime: true, Archive: 1}, weeks(3), 16, "F1 F1_I2 F1_I3 F1_D4 F1_I5 F1_I6 F1_I7", "F3"},
		"by time, not met, WAL of a full": {Retention{Full: 30, ByTime: true, Archive: 1}, weeks(2), 16, "", "F2"},
		"a full counts as a diff":         {Retention{Diff: 2}, "F1 F1_D2 F1_D3 F2", 21, "F1_D2", "all"},
		"a diff goes with what builds on it": {
			Retention{Diff: 1}, "F1 F1_I2 F1_D3 F1_I4 F1_I5 F1_D6 F1_I7", 21, "F1_D3 F1_I4 F1_I5", "all",
		},
		"fulls, then diffs":                       {Retention{Full: 2, Diff: 1}, "F1 F1_D2 F2 F2_D2 F3 F3_D2 F3_D3", 21, "F1 F1_D2 F2_D2 F3_D2", "F2"},
		"WAL of diffs":                            {Retention{Full: 3, Diff: 2, ArchiveType: TypeDiff}, "F1 F1_D2 F2 F2_D2 F2_D3", 21, "F1_D2", "F2_D2"},
		"WAL of incrs, not set":                   {Retention{Full: 1, ArchiveType: TypeIncr}, "F1 F2 F2_I2", 21, "F1", "all"},
		"WAL of two incrs":                        {Retention{Full: 2, Archive: 2, ArchiveType: TypeIncr}, "F1 F2 F2_I2 F2_I3", 21, "", "F2_I2"},
		"WAL of fewer than there are":             {Retention{Full: 3, Archive: 1}, "F1 F2 F3", 21, "", "F3"},
		"WAL of more than there are":              {Retention{Full: 3, Archive: 9}, "F1 F2 F3", 21, "", "all"},
		"two databases, both retained":            {Retention{Full: 2}, "F1@1 F2@2", 21, "", "F1 2:F2"},
		"two databases, WAL of the new one":       {Retention{Full: 3, Archive: 1}, "F1@1 F2@1 F3@2", 21, "", "F2 2:F3"},
		"two databases, the old one has no WAL":   {Retention{Full: 4, Archive: 2}, "F1@1 F2@1 F3@2 F4@2", 28, "", "F2 2:F3"},
		"two databases, the newest two of them":   {Retention{Full: 4, Archive: 3}, "F1@1 F2@1 F3@2 F4@2", 28, "", "F2 2:F3"},
		"two databases, the old one has two left": {Retention{Full: 4, Archive: 4}, "F1@1 F2@1 F3@2 F4@2", 28, "", "F1 2:F3"},
		"no backup":                               {Retention{Full: 2, Diff: 1, Archive: 1}, "", 21, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backups, short := stored(tc.stored)
			got := tc.retention.Apply(backups, sunday.Add(time.Duration(tc.day*24*float64(time.Hour))))
			var removed, wal []string
			gone := map[string]bool{}
			for _, r := range got.Removed {
				removed = append(removed, short[r.Label])
				gone[r.Label] = true
			}
			for _, w := range got.WAL {
				text := short[w.From]
				if w.From == "" {
					text = "all"
				}
				if w.DatabaseID != 1 {
					text = fmt.Sprintf("%d:%s", w.DatabaseID, text)
				}
				wal = append(wal, text)
			}
			if diff := cmp.Diff(tc.removed, strings.Join(removed, " ")); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wal, strings.Join(wal, " ")); diff != "" {
				t.Errorf("WAL from (-want +got):\n%s", diff)
			}
			if len(got.Kept)+len(got.Removed) != len(backups) {
				t.Errorf("%d kept and %d removed of %d", len(got.Kept), len(got.Removed), len(backups))
			}
			for _, b := range got.Kept {
				if gone[b.Prior] {
					t.Errorf("%s is kept and builds on %s, which is removed", short[b.Label], short[b.Prior])
				}
			}
			if len(backups) > 0 && len(got.Kept) == 0 {
				t.Error("no backup is left")
			}
		})
	}
}
