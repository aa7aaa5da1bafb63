// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

const (
	five = "000000010000000000000005"
	six  = "000000010000000000000006"
)

// TestFold has one story for each situation, and a line for each pass: what the status
// says then, and whether it is written.
func TestFold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tell func(*story)
		want string
	}{
		"a busy database": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000100", "700:700:", five, "11:58")),
					sample("12:05", wal("0/7000100", "800:800:", six, "12:04")),
					sample("12:10", wal("0/8000100", "900:900:", "000000010000000000000007", "12:09")),
				)
			}, `
12:00 archives, recoverable 02:31 to 02:31, at risk since 02:31, written
12:05 archives, recoverable 02:31 to 12:00, at risk since 12:00, written
12:10 archives, recoverable 02:31 to 12:05, at risk since 12:05, written`,
		},
		"an idle database: WAL is written no more, and everything is archived": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000100", "700:700:", five, "11:58")),
					sample("12:05", wal("0/7000028", "700:700:", six, "12:04")),
					sample("12:10", wal("0/7000028", "700:700:", six, "12:04")),
					sample("12:15", wal("0/7000028", "700:700:", six, "12:04")),
				)
			}, `
12:00 archives, recoverable 02:31 to 02:31, at risk since 02:31, written
12:05 archives, recoverable 02:31 to 12:05, written
12:10 archives, recoverable 02:31 to 12:05
12:15 archives, recoverable 02:31 to 12:05`,
		},
		"an idle database: the last commit is not archived yet, and then it is": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/6000100", "701:701:", five, "11:58")),
					sample("12:10", wal("0/6000400", "702:702:", five, "11:58")),
					sample("12:35", wal("0/7000028", "702:702:", six, "12:31")),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00, at risk since 12:00, written
12:10 archives, recoverable 02:31 to 12:00, at risk since 12:00
12:35 archives, recoverable 02:31 to 12:35, written`,
		},
		"WAL without a commit is no risk": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/6000100", "700:700:", five, "11:58")),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00, written`,
		},
		"sizes that change a little are not written": {
			func(s *story) {
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				for _, clock := range []string{"12:05", "12:10"} {
					s.watch(sample(clock, wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
						r.Volume.Free -= 100 << 20
						r.WAL.Bytes += 16 << 20
					}))
				}
				s.watch(sample("12:15", wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) { r.Volume.Free = 15 << 30 }))
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00
12:10 archives, recoverable 02:31 to 12:00
12:15 archives, recoverable 02:31 to 12:00, written`,
		},
		"archiving fails, the volume fills, and the archiver recovers": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/7000100", "800:800:", five, "11:58"), failed(six, "12:04", 1)),
					sample("12:10", wal("0/8000100", "900:900:", five, "11:58"), failed(six, "12:09", 2)),
					sample("12:15", wal("0/9000100", "950:950:", "000000010000000000000008", "12:14")),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 failing since 12:04, full at 26 22:44, recoverable 02:31 to 12:00, at risk since 12:00, written
12:10 failing since 12:04, full at 26 22:44, recoverable 02:31 to 12:00, at risk since 12:00, written
12:15 archives, recoverable 02:31 to 12:10, at risk since 12:10, written`,
		},
		"the runway gets short": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/7000100", "800:800:", five, "11:58"), failed(six, "12:04", 1)),
					sample("12:10", wal("0/16000100", "900:900:", five, "11:58"), failed(six, "12:09", 16)),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 failing since 12:04, full at 26 22:44, recoverable 02:31 to 12:00, at risk since 12:00, written
12:10 failing since 12:04, full at 23 01:29, runway short, recoverable 02:31 to 12:00, at risk since 12:00, written`,
		},
		"two watches in a few seconds give no rate": {
			func(s *story) {
				soon := sample("12:00", wal("0/16000100", "800:800:", five, "11:58"), failed(six, "11:59", 1))
				soon.Time = soon.Time.Add(10 * time.Second)
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")), soon)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:00 failing since 11:59, recoverable 02:31 to 12:00, at risk since 12:00, written`,
		},
		"the archiver hangs": {
			func(s *story) {
				waits := func(n int32, seconds int64) func(*report.Sample) {
					return func(r *report.Sample) { r.WAL.Waiting, r.WAL.StalledSeconds = n, seconds }
				}
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/7000100", "800:800:", five, "11:58"), waits(1, 44)),
					sample("12:10", wal("0/7000200", "800:800:", five, "11:58"), waits(1, 360)),
					// PostgreSQL was restarted.
					sample("12:15", wal("0/8000200", "850:850:", five, "11:58"), waits(2, 10)),
					sample("12:20", wal("0/8000200", "850:850:", "000000010000000000000007", "12:19")),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00, at risk since 12:00, written
12:10 stalled since 12:04, full at 1 09:29, recoverable 02:31 to 12:00, at risk since 12:00, written
12:15 stalled since 12:04, full at 29 04:14, recoverable 02:31 to 12:00, at risk since 12:00, written
12:20 archives, recoverable 02:31 to 12:10, at risk since 12:10, written`,
		},
		"the statistics are reset, while it works and while it fails": {
			func(s *story) {
				reset := func(r *report.Sample) {
					r.WAL.LastArchived, r.WAL.LastArchivedTime, r.WAL.LastFailed, r.WAL.LastFailedTime, r.WAL.FailedCount = "", nil, "", nil, 0
				}
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/6000028", "700:700:", five, "11:58"), reset),
					sample("12:10", wal("0/7000100", "800:800:", five, "11:58"), failed(six, "12:09", 1)),
					sample("12:15", wal("0/7000100", "800:800:", five, "11:58"), reset, func(r *report.Sample) { r.WAL.Waiting = 1 }),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00
12:10 failing since 12:09, full at 1 09:29, recoverable 02:31 to 12:00, at risk since 12:00, written
12:15 failing since 12:09, full at 5 20:14, recoverable 02:31 to 12:00, at risk since 12:00, written`,
		},
		"archiving is off": {
			func(s *story) {
				off := func(r *report.Sample) {
					r.WAL.ArchivingOff, r.WAL.LastArchived, r.WAL.LastArchivedTime = true, "", nil
				}
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/7000100", "800:800:", five, "11:58"), off),
					sample("12:10", wal("0/7000028", "800:800:", six, "12:09")),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 stalled since 12:05, full at 26 22:44, off, recoverable 02:31 to 12:00, at risk since 12:00, written
12:10 archives, recoverable 02:31 to 12:10, written`,
		},
		"a failover begins a new timeline": {
			func(s *story) {
				second := func(lsn, snapshot, archived, when string) func(*report.Sample) {
					return func(r *report.Sample) {
						wal(lsn, snapshot, archived, when)(r)
						r.WAL.Timeline = 2
					}
				}
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					// The new primary has archived nothing of its own but the history file.
					sample("12:05", second("0/6000900", "705:705:", "00000002.history", "12:04")),
					sample("12:10", second("0/7000028", "705:705:", "000000020000000000000006", "12:09")),
					sample("12:15", second("0/7000028", "705:705:", "000000020000000000000006", "12:09")),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00, at risk since 12:00, written
12:10 archives, recoverable 02:31 to 12:10, written
12:15 archives, recoverable 02:31 to 12:10`,
		},
		"a failover of an idle database": {
			func(s *story) {
				second := func(lsn, archived string) func(*report.Sample) {
					return func(r *report.Sample) {
						wal(lsn, "700:700:", archived, "12:04")(r)
						r.WAL.Timeline = 2
					}
				}
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					// Nobody knows yet whether the new primary has all that the old one had.
					sample("12:05", second("0/6000900", "00000002.history")),
					sample("12:10", second("0/7000028", "000000020000000000000006")),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00, at risk since 12:00, written
12:10 archives, recoverable 02:31 to 12:10, written`,
		},
		"no watch reports any more, and then one does": {
			func(s *story) {
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				s.pass(at("12:15")).pass(at("12:16")).pass(at("12:40"))
				s.watch(sample("12:45", wal("0/6000028", "700:700:", five, "11:58")))
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:15 archives, recoverable 02:31 to 12:00
12:16 blind since 12:00, recoverable 02:31 to 12:00, written
12:40 blind since 12:00, recoverable 02:31 to 12:00
12:45 archives, recoverable 02:31 to 12:00, written`,
		},
		"watches report, and reach the cluster no more": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					unreachable("12:05", "pod shop-0 does not answer"), unreachable("12:10", "pod shop-0 does not answer"),
					unreachable("12:15", "pod shop-0 does not answer"), unreachable("12:20", "pod shop-0 does not answer"),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00, written
12:10 archives, recoverable 02:31 to 12:00
12:15 archives, recoverable 02:31 to 12:00
12:20 blind since 12:00, recoverable 02:31 to 12:00, written`,
		},
		"no watch has ever reported": {
			func(s *story) { s.pass(at("11:05")).pass(at("11:15")).pass(at("11:16")) }, `
11:05 not observed
11:15 not observed
11:16 blind`,
		},
		"the primary answers, and its repos do not": {
			func(s *story) {
				closed := func(r *report.Sample) { r.Repos, r.Message = nil, "pgbackrest info failed" }
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				for _, clock := range []string{"12:05", "12:10", "12:15"} {
					s.watch(sample(clock, wal("0/6000028", "700:700:", five, "11:58"), closed))
				}
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00, written
12:10 archives, recoverable 02:31 to 12:00
12:15 archives, recoverable 02:31 to 12:00, repos blind`,
		},
		"a repo that cannot be read is not empty": {
			func(s *story) {
				closed := func(r *report.Sample) {
					r.Repos["repo1"] = report.RepoSample{Message: "[HostConnectError] timeout", Unread: true}
				}
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				for _, clock := range []string{"12:05", "12:10", "12:15"} {
					s.watch(sample(clock, wal("0/6000028", "700:700:", five, "11:58"), closed))
				}
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00, written
12:10 archives, recoverable 02:31 to 12:00
12:15 archives, recoverable 02:31 to 12:00, repos blind`,
		},
		"somebody removes the backups": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
						r.Repos["repo1"] = report.RepoSample{Message: "no valid backups", ArchiveMax: five}
					}),
				).restart("12:06").pass(at("12:07"))
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, empty, removed from repo1, written
12:07 archives, removed from repo1`,
		},
		"somebody removes the first backup as soon as its run has ended": {
			func(s *story) {
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				s.proves("20261122-120100F", "12:02").pass(at("12:03"))
				s.schedules[0].Runs = []stanzaflowv1alpha1.FinishedRun{{Label: "20261122-120100F", FinishTime: stamp(at("12:03"))}}
				for _, clock := range []string{"12:03", "12:04"} {
					s.watch(sample(clock, wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
						r.Repos["repo1"] = report.RepoSample{Message: "missing stanza path"}
					}))
				}
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:03 archives, recoverable 02:31 to 12:02, written
12:03 archives, recoverable 02:31 to 12:02, written
12:04 archives, empty, removed from repo1, written`,
		},
		"somebody removes the backup of a cluster without a schedule as soon as its run has ended": {
			func(s *story) {
				s.schedules = nil
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				s.proves("20261122-120100F", "12:02").pass(at("12:03"))
				s.repos[0].LastBackup.Workflow = "full-by-hand"
				s.lastRun = &stanzaflowv1alpha1.RunStatus{Workflow: "full-by-hand", FinishTime: stamp(at("12:03"))}
				for _, clock := range []string{"12:03", "12:04"} {
					s.watch(sample(clock, wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
						r.Repos["repo1"] = report.RepoSample{Message: "missing stanza path"}
					}))
				}
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:03 archives, recoverable 02:31 to 12:02, written
12:03 archives, recoverable 02:31 to 12:02, written
12:04 archives, empty, removed from repo1, written`,
		},
		"the newest run is another one than that of the backup, or is running": {
			func(s *story) {
				s.schedules = nil
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				s.proves("20261122-120100F", "12:02").pass(at("12:03"))
				s.repos[0].LastBackup.Workflow = "full-by-hand"
				gone := func(clock string) {
					s.watch(sample(clock, wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
						r.Repos["repo1"] = report.RepoSample{Message: "missing stanza path"}
					}))
				}
				s.lastRun = &stanzaflowv1alpha1.RunStatus{Workflow: "another", FinishTime: stamp(at("12:03"))}
				gone("12:05")
				s.lastRun = &stanzaflowv1alpha1.RunStatus{Workflow: "full-by-hand"}
				gone("12:10")
				gone("12:12")
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:03 archives, recoverable 02:31 to 12:02, written
12:05 archives, recoverable 02:31 to 12:02, written
12:10 archives, recoverable 02:31 to 12:02
12:12 archives, empty, removed from repo1, written`,
		},
		"somebody removes the newest backup": {
			func(s *story) {
				older := "20261121-023000F 02:10"
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
						r.Repos["repo1"] = repo(five, older, "20261122-023000F 02:31")
					}),
					sample("12:05", wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
						r.Repos["repo1"] = repo(five, older)
					}),
				)
			}, `
12:00 archives, recoverable 02:10 to 12:00, written
12:05 archives, recoverable 02:10 to 12:00, removed from repo1, written`,
		},
		"another tool makes newer backups, and its retention removes ours": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
						r.Repos["repo1"] = repo(five, "20261122-110000F 11:01")
					}),
				)
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 11:01 to 12:00, written`,
		},
		"a run proves a backup that no watch has listed yet": {
			func(s *story) {
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				s.proves("20261122-120100F", "12:02").pass(at("12:04"))
				s.watch(sample("12:05", wal("0/6000028", "700:700:", five, "11:58")))
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:04 archives, recoverable 02:31 to 12:02, written
12:05 archives, recoverable 02:31 to 12:02, written`,
		},
		"the operator restarts, and nothing was written": {
			func(s *story) {
				s.watch(sample("12:00", wal("0/6000100", "700:700:", five, "11:58")), sample("12:05", wal("0/7000028", "700:700:", six, "12:04")))
				s.restart("12:07").pass(at("12:07"))
				s.watch(sample("12:10", wal("0/7000028", "700:700:", six, "12:04")))
			}, `
12:00 archives, recoverable 02:31 to 02:31, at risk since 02:31, written
12:05 archives, recoverable 02:31 to 12:05, written
12:07 archives, recoverable 02:31 to 12:05
12:10 archives, recoverable 02:31 to 12:05`,
		},
		"the operator restarts, and something was written meanwhile": {
			func(s *story) {
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				s.restart("12:07").pass(at("12:07"))
				s.watch(sample("12:10", wal("0/6000900", "700:700:", five, "11:58")), sample("12:15", wal("0/7000028", "700:700:", six, "12:14")))
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:07 archives, recoverable 02:31 to 12:00
12:10 archives, recoverable 02:31 to 12:00, at risk since 12:00, written
12:15 archives, recoverable 02:31 to 12:15, written`,
		},
		"the operator restarts while archiving fails": {
			func(s *story) {
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/7000100", "800:800:", five, "11:58"), failed(six, "12:04", 1)),
				)
				s.restart("12:07").pass(at("12:07"))
				s.watch(sample("12:10", wal("0/8000100", "900:900:", five, "11:58"), failed(six, "12:09", 2)))
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 failing since 12:04, full at 26 22:44, recoverable 02:31 to 12:00, at risk since 12:00, written
12:07 failing since 12:04, full at 26 22:44, recoverable 02:31 to 12:00, at risk since 12:00
12:10 failing since 12:04, full at 26 22:44, recoverable 02:31 to 12:00, at risk since 12:00, written`,
		},
		"the operator restarts, and no watch reports": {
			func(s *story) {
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58")))
				s.restart("13:00").pass(at("13:00")).pass(at("13:15")).pass(at("13:16"))
				s.restart("13:20").pass(at("13:20"))
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
13:00 archives, recoverable 02:31 to 12:00
13:15 archives, recoverable 02:31 to 12:00
13:16 blind since 12:00, recoverable 02:31 to 12:00, written
13:20 blind since 12:00, recoverable 02:31 to 12:00`,
		},
		"one of two repos lacks WAL": {
			func(s *story) {
				s.repos = append(s.repos, stanzaflowv1alpha1.RepoStatus{Name: "repo2"})
				two := func(archiveMax string) func(*report.Sample) {
					return func(r *report.Sample) { r.Repos["repo2"] = repo(archiveMax, "20261122-020000F 02:01") }
				}
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58"), two("000000010000000000000004")),
					sample("12:05", wal("0/6000028", "700:700:", five, "11:58"), two(five)),
				)
			}, `
12:00 archives, recoverable 02:01 to 02:31, at risk since 02:31, written
12:05 archives, recoverable 02:01 to 12:05, written`,
		},
		"commits are at risk for longer than the objective": {
			func(s *story) {
				s.spec.RPO = &metav1.Duration{Duration: 10 * time.Minute}
				s.watch(
					sample("12:00", wal("0/6000028", "700:700:", five, "11:58")),
					sample("12:05", wal("0/6000100", "701:701:", five, "11:58")),
				).pass(at("12:14")).pass(at("12:15"))
			}, `
12:00 archives, recoverable 02:31 to 12:00, written
12:05 archives, recoverable 02:31 to 12:00, at risk since 12:00, written
12:14 archives, recoverable 02:31 to 12:00, at risk since 12:00
12:15 archives, recoverable 02:31 to 12:00, at risk since 12:00, RPO exceeded`,
		},
		"the first backup is still to come": {
			func(s *story) {
				s.repos = []stanzaflowv1alpha1.RepoStatus{{Name: "repo1"}}
				s.watch(sample("12:00", wal("0/6000028", "700:700:", five, "11:58"), func(r *report.Sample) {
					r.Repos["repo1"] = report.RepoSample{Message: "missing stanza path"}
				}))
			}, `
12:00 archives, empty, written`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			tc.tell(s)
			if diff := cmp.Diff(strings.TrimSpace(tc.want), strings.Join(s.lines, "\n")); diff != "" {
				t.Errorf("the story (-want +got):\n%s", diff)
			}
		})
	}
}

// A repo without a stanza has no cipher yet: pgbackrest info gives that of its configuration,
// which a user may still change.
func TestCipherWithoutAStanza(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{"": "none", "no valid backups": "none", "missing stanza path": ""} {
		repo := stanzaflowv1alpha1.RepoStatus{Name: "repo1", Cipher: "none"}
		foldRepo(&repo, report.RepoSample{Message: message, Cipher: "none"}, true)
		if repo.Cipher != want {
			t.Errorf("%q: cipher %q, want %q", message, repo.Cipher, want)
		}
		proven := stanzaflowv1alpha1.RepoStatus{Name: "repo1", Cipher: "aes-256-cbc", LastBackup: &stanzaflowv1alpha1.BackupStatus{}}
		if foldRepo(&proven, report.RepoSample{Message: "missing stanza path", Cipher: "none"}, true); proven.Cipher != "aes-256-cbc" {
			t.Errorf("the cipher of a proven backup is forgotten, and is %q", proven.Cipher)
		}
	}
}
