// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"bytes"
	"maps"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
)

// TestPlanNeverPromises shows archives that seem to have more than they have: the last
// segments are lost, the repo was copied, a copy of the database has archived.
func TestPlanNeverPromises(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		to     string
		change []func(*scene)
		want   Verdict
		reason string
	}{
		"tail-lost":                      {to: "latest", change: []func(*scene){standbyOnly, withoutTail}, want: Refused, reason: "Gap"},
		"tail-lost-after-newest":         {to: "2026-11-28 18:00:00+00", change: []func(*scene){standbyOnly, withoutTail}, want: Refused, reason: "Gap"},
		"tail-lost-by-a-watch":           {to: "latest", change: []func(*scene){standbyOnly, withoutTail, watchOnly}, want: Refused, reason: "Gap"},
		"tail-lost-without-lsn":          {to: "latest", change: []func(*scene){standbyOnly, withoutTail, withoutLSN}, want: Refused, reason: "Gap"},
		"tail-lost-without-lsn-of-time":  {to: "2026-11-28 18:00:00+00", change: []func(*scene){standbyOnly, withoutTail, withoutLSN}, want: Refused, reason: "Gap"},
		"latest-without-lsn":             {to: "latest", change: []func(*scene){withoutLSN}, want: Reachable},
		"latest-without-lsn-and-primary": {to: "latest", change: []func(*scene){standbyOnly, withoutLSN}, want: NotProven},
		"latest-of-a-watch":              {to: "latest", change: []func(*scene){watchOnly, withoutLSN}, want: Reachable},
		"a-clock-that-is-ahead":          {to: "latest", change: []func(*scene){standbyOnly, withoutLSN, clockAhead(50 * time.Second)}, want: NotProven},
		"copied-repo":                    {to: "2026-11-28 13:03:00+00", change: []func(*scene){copied}, want: Reachable},
		"copied-repo-before-the-set":     {to: "2026-11-28 11:00:00+00", change: []func(*scene){copied}, want: NotProven},
		"copy-has-archived":              {to: "latest", change: []func(*scene){copyArchives}, want: Reachable},
		"copy-or-failover":               {to: "latest", change: []func(*scene){copyArchives, func(s *scene) { s.last = "00000002000000000000003F" }}, want: NotProven},
		"restored-just-now":              {to: "latest", change: []func(*scene){rewound}, want: Refused, reason: "Gap"},
		"label-of-a-long-backup":         {to: "2026-11-28 13:30:00+00", change: []func(*scene){withoutLSN, longBackup}, want: Refused, reason: "Gap"},
		"after-an-upgrade":               {to: "latest", change: []func(*scene){upgraded}, want: Reachable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			for _, change := range tc.change {
				change(s)
			}
			answer := answerTo(t, s, Question{To: tc.to, ID: "20261128-134500"}, "")
			if answer.Verdict != tc.want || answer.Reason != tc.reason {
				t.Errorf("%s %s: %s, want %s %s", answer.Verdict, answer.Reason, answer.Message, tc.want, tc.reason)
			}
			var out bytes.Buffer
			Print(printer.Printer{Out: &out}, answer)
			goldentest.Check(t, filepath.Join("testdata", name+".golden"), out.String())
		})
	}
}

// withoutTail loses the last two segments in both repos: that of the heartbeat, too.
func withoutTail(s *scene) {
	s.lose(1, 0x44, 0x45)
	s.lose(2, 0x44, 0x45)
}

// withoutLSN is the status of an older operator.
func withoutLSN(s *scene) {
	for i := range s.stanza.Status.Repos {
		known := *s.stanza.Status.Repos[i].Restorable
		known.LSN = ""
		s.stanza.Status.Repos[i].Restorable = &known
	}
}

func clockAhead(d time.Duration) func(*scene) {
	return func(s *scene) {
		for i := range s.stanza.Status.Repos {
			r := s.stanza.Status.Repos[i].Restorable
			r.Newest = metav1.NewMicroTime(at("13:41:07.204981").Add(d))
		}
	}
}

// copied gives every file the time of 13:44, as aws s3 sync does.
func copied(s *scene) {
	for _, files := range s.files {
		for name, f := range files {
			f.Time = at("13:44:00").Unix()
			files[name] = f
		}
	}
}

// copyArchives lets a copy of the database be opened at 13:30 with archiving on: timeline 3
// begins in segment 40. The primary is on timeline 2 and archives 45.
func copyArchives(s *scene) {
	timeline3(s, at("13:30:00"))
	for repo := range s.files {
		s.archive(repo, 3, 0x40, at("13:31:00"))
	}
	for i := range s.stanza.Status.Repos {
		known := *s.stanza.Status.Repos[i].Restorable
		known.Newest, known.LSN = metav1.NewMicroTime(at("13:20:00.5")), "0/42000148"
		s.stanza.Status.Repos[i].Restorable = &known
	}
}

// rewound restores the cluster at 13:50 to a moment in segment 40, and opens it: of the new
// timeline only the history is archived.
func rewound(s *scene) {
	timeline3(s, at("13:50:00"))
	s.last = "00000003.history"
}

func timeline3(s *scene, at time.Time) {
	for repo := range s.files {
		s.files[repo]["17-1/00000003.history"] = file{"file", 84, at.Unix()}
	}
	s.history += "2\t0/40000098\tbefore 2026-11-28 12:50:00+00\n"
}

// longBackup began in segment 3C and has ended after the last segment was archived: its
// label is archived last. Segment 43 is lost.
func longBackup(s *scene) {
	s.lose(1, 0x43)
	s.lose(2, 0x43)
	s.last = "00000002000000000000003C.00000028.backup"
}

// upgraded is PostgreSQL 17 since 12:00, and was 16 before, on timeline 2. A drill has
// restored PostgreSQL 16.
func upgraded(s *scene) {
	proven := s.stanza.Status.Drills[0].LastProven
	recovered := metav1.NewMicroTime(at("05:00:00.5"))
	proven.RecoveredTo, proven.LSN, proven.Timeline, proven.Repo = &recovered, "0/22000500", 2, "repo1"
	s.stanza.Status.Repos = s.stanza.Status.Repos[:1]
	s.stanza.Status.Repos[0].Restorable.Newest = metav1.NewMicroTime(at("13:20:00.5"))
	s.stanza.Status.Repos[0].Restorable.Timeline, s.stanza.Status.Repos[0].Restorable.LSN = 1, "0/11000148"
	s.last = "000000010000000000000012"

	s.info["repo"] = s.info["repo"].([]any)[:1]
	s.info["db"] = []any{
		map[string]any{"id": 1, "repo-key": 1, "version": "16", "system-id": 7710987001486039924},
		map[string]any{"id": 2, "repo-key": 1, "version": "17", "system-id": 7710987001486039999},
	}
	s.info["archive"] = []any{
		map[string]any{"database": map[string]any{"id": 1, "repo-key": 1}, "id": "16-1"},
		map[string]any{"database": map[string]any{"id": 2, "repo-key": 1}, "id": "17-2"},
	}
	old := s.info["backup"].([]any)[0].(map[string]any)
	full := maps.Clone(old)
	maps.Copy(full, map[string]any{
		"label": "20261128-120003F", "timestamp": map[string]any{"start": at("12:00:03").Unix(), "stop": at("12:10:31").Unix()},
		"database": map[string]any{"id": 2, "repo-key": 1},
	})
	s.info["backup"] = []any{old, full}
	files := map[string]file{}
	for name, f := range s.files[1] {
		files["16-1"+name[len("17-1"):]] = f
	}
	for number := uint64(0xA); number <= 0x12; number++ {
		at := at("12:10:00").Add(time.Duration(number-0xA) * 10 * time.Minute)
		files["17-2"+segmentPath(1, number)[len("17-1"):]] = file{"file", 4 << 20, at.Unix()}
	}
	s.files = map[int]map[string]file{1: files}
}
