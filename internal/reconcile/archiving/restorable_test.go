// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// beats has a run write a heartbeat 200 ms after a moment, and the operator fold it.
func (s *story) beats(clock string, timeline int32) *story {
	for i := range s.repos {
		s.repos[i].Restorable = outcome.NewestRestorable(s.repos[i].Restorable, &stanzaflowv1alpha1.RestorableStatus{
			Newest: metav1.NewMicroTime(at(clock).Add(200 * time.Millisecond)), Heartbeat: true, Timeline: timeline, LSN: "0/6000100", ObservedTime: *stamp(at(clock).Add(time.Minute)),
		})
	}
	return s.pass(at(clock).Add(time.Minute))
}

// restorable is what each repo says after a pass, in one line.
func restorable(repos []stanzaflowv1alpha1.RepoStatus) string {
	var says []string
	for _, repo := range repos {
		is := repo.Restorable
		if is == nil {
			says = append(says, repo.Name+" -")
			continue
		}
		by := "watch"
		if is.Heartbeat {
			by = "heartbeat"
		}
		says = append(says, fmt.Sprintf("%s %s %s/%d at %s, seen %s", repo.Name, by, is.Newest.UTC().Format("15:04:05.9"), is.Timeline, is.LSN, clock(&is.ObservedTime)))
	}
	return strings.Join(says, "; ")
}

// TestRestorable has one story for each situation, and a line for each step of it.
func TestRestorable(t *testing.T) {
	t.Parallel()
	unread := func(name string) func(*report.Sample) {
		return func(r *report.Sample) { r.Repos[name] = report.RepoSample{Message: "[HostConnectError]", Unread: true} }
	}
	second := func(r *report.Sample) { r.Repos["repo2"] = repo(five, "20261122-020000F 02:01") }
	for name, tc := range map[string]struct {
		steps []func(*story)
		want  string
	}{
		"a busy database: each watch shows a later moment": {
			[]func(*story){
				func(s *story) { s.watch(sample("12:00", wal("0/6000100", "700:700:", five, "11:58"))) },
				func(s *story) { s.watch(sample("12:05", wal("0/7000100", "800:800:", six, "12:04"))) },
				func(s *story) {
					s.watch(sample("12:10", wal("0/8000100", "900:900:", "000000010000000000000007", "12:09")))
				},
			}, `
repo1 -
repo1 watch 12:00:00/1 at 0/6000100, seen 12:05
repo1 watch 12:05:00/1 at 0/7000100, seen 12:10`,
		},
		"an idle database: it stands still, and so does when it was seen": {
			[]func(*story){
				func(s *story) { s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58"))) },
				func(s *story) { s.watch(sample("12:05", wal("0/6000028", "700:700:", five, "11:58"))) },
				func(s *story) { s.restart("12:06").pass(at("12:07")) },
				func(s *story) { s.watch(sample("12:10", wal("0/6000028", "700:700:", five, "11:58"))) },
			}, `
repo1 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 watch 12:00:00/1 at 0/6000000, seen 12:00`,
		},
		"a heartbeat between two watches, and only a later moment replaces it": {
			[]func(*story){
				func(s *story) { s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58"))) },
				func(s *story) { s.beats("12:02", 1) },
				func(s *story) { s.pass(at("12:04")) },
				// The archiver has not got beyond the first sample.
				func(s *story) { s.watch(sample("12:05", wal("0/7000100", "800:800:", five, "11:58"))) },
				func(s *story) {
					s.watch(sample("12:10", wal("0/8000100", "900:900:", "000000010000000000000007", "12:09")))
				},
			}, `
repo1 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 heartbeat 12:02:00.2/1 at 0/6000100, seen 12:03
repo1 heartbeat 12:02:00.2/1 at 0/6000100, seen 12:03
repo1 heartbeat 12:02:00.2/1 at 0/6000100, seen 12:03
repo1 watch 12:05:00/1 at 0/7000100, seen 12:10`,
		},
		"a heartbeat of the second in which a watch asked": {
			[]func(*story){
				func(s *story) { s.beats("12:00", 1) },
				func(s *story) { s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58"))) },
			}, `
repo1 heartbeat 12:00:00.2/1 at 0/6000100, seen 12:01
repo1 heartbeat 12:00:00.2/1 at 0/6000100, seen 12:01`,
		},
		"a failover: the old timeline stays until the new one is archived": {
			[]func(*story){
				func(s *story) { s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58"))) },
				func(s *story) {
					s.watch(sample("12:05", wal("0/6000900", "705:705:", "00000002.history", "12:04"), func(r *report.Sample) { r.WAL.Timeline = 2 }))
				},
				func(s *story) {
					s.watch(sample("12:10", wal("0/7000028", "705:705:", "000000020000000000000006", "12:09"), func(r *report.Sample) { r.WAL.Timeline = 2 }))
				},
			}, `
repo1 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 watch 12:10:00/2 at 0/7000000, seen 12:10`,
		},
		"a repo that cannot be read stays behind, and catches up": {
			[]func(*story){
				func(s *story) {
					s.repos = append(s.repos, stanzaflowv1alpha1.RepoStatus{Name: "repo2"})
					s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58"), second))
				},
				func(s *story) {
					s.watch(sample("12:05", wal("0/7000028", "800:800:", six, "12:04"), unread("repo2")))
				},
				func(s *story) { s.pass(at("12:06")) },
				func(s *story) {
					s.watch(sample("12:10", second, wal("0/7000028", "800:800:", six, "12:04")))
				},
			}, `
repo1 watch 12:00:00/1 at 0/6000000, seen 12:00; repo2 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 watch 12:05:00/1 at 0/7000000, seen 12:05; repo2 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 watch 12:05:00/1 at 0/7000000, seen 12:05; repo2 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 watch 12:05:00/1 at 0/7000000, seen 12:05; repo2 watch 12:05:00/1 at 0/7000000, seen 12:10`,
		},
		"no backup before the moment": {
			[]func(*story){
				func(s *story) { s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58"))) },
				func(s *story) {
					// Retention has removed all but the backup of 12:02.
					s.proves("20261122-120100F", "12:02")
					s.watch(sample("12:05", wal("0/6000100", "800:800:", five, "11:58"), func(r *report.Sample) {
						r.Repos["repo1"] = repo(five, "20261122-120100F 12:02")
					}))
				},
				func(s *story) {
					s.watch(sample("12:10", wal("0/7000028", "800:800:", six, "12:04"), func(r *report.Sample) {
						r.Repos["repo1"] = repo(six, "20261122-120100F 12:02")
					}))
				},
			}, `
repo1 watch 12:00:00/1 at 0/6000000, seen 12:00
repo1 -
repo1 watch 12:10:00/1 at 0/7000000, seen 12:10`,
		},
		"somebody removes the backups": {
			[]func(*story){
				func(s *story) { s.beats("12:00", 1) },
				func(s *story) {
					s.watch(sample("12:05", wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
						r.Repos["repo1"] = report.RepoSample{Message: "no valid backups", ArchiveMax: five}
					}))
				},
			}, `
repo1 heartbeat 12:00:00.2/1 at 0/6000100, seen 12:01
repo1 -`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			var lines []string
			for _, step := range tc.steps {
				step(s)
				lines = append(lines, restorable(s.repos))
			}
			if diff := cmp.Diff(strings.TrimSpace(tc.want), strings.Join(lines, "\n")); diff != "" {
				t.Errorf("the story (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnwatchedKeepsHeartbeats: what only a watch knew is dropped with it.
func TestUnwatchedKeepsHeartbeats(t *testing.T) {
	t.Parallel()
	repos := []stanzaflowv1alpha1.RepoStatus{
		{Name: "repo1", Restorable: &stanzaflowv1alpha1.RestorableStatus{Heartbeat: true}},
		{Name: "repo2", Restorable: &stanzaflowv1alpha1.RestorableStatus{}},
		{Name: "repo3", Restorable: &stanzaflowv1alpha1.RestorableStatus{LastHeartbeat: &stanzaflowv1alpha1.HeartbeatStatus{Timeline: 2, LSN: "0/45000148"}}},
	}
	after := Unwatched(repos)
	if after[0].Restorable == nil || after[1].Restorable != nil {
		t.Errorf("heartbeat %+v, watch %+v; want the heartbeat alone", after[0].Restorable, after[1].Restorable)
	}
	if is := after[2].Restorable; is == nil || !is.Heartbeat || is.Timeline != 2 || is.LSN != "0/45000148" || is.LastHeartbeat != nil {
		t.Errorf("a watch after a heartbeat leaves %+v, want the heartbeat", is)
	}
}
