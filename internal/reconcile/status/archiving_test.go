// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// seenAt is a healthy answer of the cluster, some minutes before noon.
func seenAt(before time.Duration, change ...func(*report.Sample)) report.Sample {
	at := reconciletest.Noon.Add(-before)
	const proven = "20261122-023000F"
	start, stop := reconciletest.Moment("2026-11-22T02:30:00Z"), reconciletest.Moment("2026-11-22T02:39:00Z")
	incr := stanzaflowv1alpha1.ListedBackup{
		Label: "20261122-120000F", Type: cpo.Incr, StartTime: metav1.NewTime(reconciletest.Moment("2026-11-22T12:00:00Z")), StopTime: metav1.NewTime(reconciletest.Moment("2026-11-22T12:09:00Z")),
	}
	s := report.Sample{
		Time: at,
		WAL: &report.WAL{
			Timeline: 1, LSN: "0/6000028", Snapshot: "700:700:", LastArchived: "000000010000000000000005", LastArchivedTime: new(at.Add(-time.Minute)),
			Bytes: 64 << 20, SegmentBytes: 16 << 20,
		},
		Volume: &report.Volume{Size: 40 << 30, Free: 20 << 30},
		Repos: map[string]report.RepoSample{"repo1": {
			Labels: []string{proven, incr.Label}, Fulls: 1, Oldest: &stop, ArchiveMin: "000000010000000000000001", ArchiveMax: "000000010000000000000005",
			Newest: []stanzaflowv1alpha1.ListedBackup{incr, {Label: proven, Type: cpo.Full, StartTime: metav1.NewTime(start), StopTime: metav1.NewTime(stop)}},
		}},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// watched is a pass over a cluster with two proven backups that is watched.
func watched(t *testing.T, samples ...report.Sample) Pass {
	t.Helper()
	p := makePass(t, func(p *Pass) {
		ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z")(p)
		ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:00:00Z")(p)
	})
	p.Watch = &Watch{Interval: 5 * time.Minute, Seen: archiving.Seen{Start: p.Now.Add(-time.Hour), Samples: samples}}
	return p
}

// TestWatchConditions has a line for each condition that the watch gives, and for Ready.
func TestWatchConditions(t *testing.T) {
	failing := func(s *report.Sample) {
		s.WAL.LSN, s.WAL.Snapshot, s.WAL.Waiting = "0/8000100", "800:800:", 2
		s.WAL.LastFailed, s.WAL.LastFailedTime = "000000010000000000000006", new(s.Time.Add(-time.Second))
	}
	missing := Finding{vocab.ReasonWorkflowTemplateMissing, "There is no WorkflowTemplate pgbackrest-watch in namespace db; install it"}
	for name, tc := range map[string]struct {
		samples []report.Sample
		change  func(*Pass)
		before  func(*stanzaflowv1alpha1.StanzaStatus)
		want    string
	}{
		"it works": {samples: []report.Sample{seenAt(0)}, want: `
Ready True Ready
Archiving True Archiving: PostgreSQL archives its WAL
Recoverable True Recoverable: Every repo lists its proven backup, and the WAL since then is archived as the objective demands`},
		"it works, and the next watch cannot start": {samples: []report.Sample{seenAt(0)}, change: func(p *Pass) { p.Watch.Findings = []Finding{missing} }, want: `
Ready True Ready
Archiving True Archiving: PostgreSQL archives its WAL; There is no WorkflowTemplate pgbackrest-watch in namespace db; install it
Recoverable True Recoverable: Every repo lists its proven backup, and the WAL since then is archived as the objective demands`},
		"no watch yet": {want: `
Ready True Ready
Archiving Unknown NotObservedYet: No watch has reported on the cluster yet
Recoverable Unknown NotObservedYet: No watch has listed the backups yet`},
		"no watch for too long": {
			change: func(p *Pass) { p.Watch.Findings = []Finding{missing} },
			before: func(s *stanzaflowv1alpha1.StanzaStatus) {
				s.Conditions = []metav1.Condition{{Type: vocab.ConditionArchiving, Status: metav1.ConditionUnknown, LastTransitionTime: metav1.NewTime(reconciletest.Noon.Add(-16 * time.Minute))}}
			}, want: `
Ready Unknown Blind
Archiving Unknown Blind: No watch has reached the cluster for more than three intervals, so nobody knows whether its WAL is archived; There is no WorkflowTemplate pgbackrest-watch in namespace db; install it
Recoverable Unknown Blind: No watch has reached the cluster for more than three intervals, so nobody knows whether its WAL is archived`,
		},
		"the cluster is not reached": {
			samples: []report.Sample{seenAt(20 * time.Minute), {Time: reconciletest.Noon, Message: "pod shop-0 does not answer"}}, want: `
Ready Unknown Blind
Archiving Unknown Blind: No watch has reached the cluster for more than three intervals, so nobody knows whether its WAL is archived; pod shop-0 does not answer
Recoverable Unknown Blind: No watch has reached the cluster for more than three intervals, so nobody knows whether its WAL is archived; pod shop-0 does not answer`,
		},
		"Argo's controller is down": {
			samples: []report.Sample{seenAt(16 * time.Minute)}, want: `
Ready Unknown Blind
Archiving Unknown Blind: No watch has reached the cluster for more than three intervals, so nobody knows whether its WAL is archived; check CronWorkflow pgbackrest-watch and Argo's workflow controller
Recoverable Unknown Blind: No watch has reached the cluster for more than three intervals, so nobody knows whether its WAL is archived; check CronWorkflow pgbackrest-watch and Argo's workflow controller`,
		},
		"the cluster is held": {
			samples: []report.Sample{seenAt(2 * time.Hour), {Time: reconciletest.Noon, Message: "not asked: held"}},
			change: func(p *Pass) {
				p.Watch.Held, p.Watch.Seen.Held = "spec.standby is set", p.Now
			}, want: `
Ready True Ready
Archiving Unknown Held: No watch asks the cluster: spec.standby is set
Recoverable Unknown Held: No watch asks the cluster: spec.standby is set`,
		},
		"the cluster was held, and no watch has come since": {
			samples: []report.Sample{seenAt(2 * time.Hour), {Time: reconciletest.Noon, Message: "not asked: held"}},
			change:  func(p *Pass) { p.Watch.Seen.Held = p.Now.Add(-time.Minute) }, want: `
Ready True Ready
Archiving True Archiving: PostgreSQL archives its WAL
Recoverable True Recoverable: Every repo lists its proven backup, and the WAL since then is archived as the objective demands`,
		},
		"archiving fails": {samples: []report.Sample{seenAt(5 * time.Minute), seenAt(0, failing)}, want: `
Ready False ArchivingFailed
Archiving False ArchivingFailed: PostgreSQL cannot archive its WAL and keeps it in pg_wal; what pgbackrest archive-push says of it is in the log of the primary
Recoverable True Recoverable: Every repo lists its proven backup, and the WAL since then is archived as the objective demands`},
		"archiving fails, and a repo says why": {samples: []report.Sample{seenAt(0, failing, func(s *report.Sample) {
			s.Repos["repo1"] = report.RepoSample{Message: "[HostConnectError] timeout"}
		})}, want: `
Ready False ArchivingFailed
Archiving False ArchivingFailed: PostgreSQL cannot archive its WAL and keeps it in pg_wal; what pgbackrest archive-push says of it is in the log of the primary; pgbackrest info says of repo1: [HostConnectError] timeout
Recoverable True Recoverable: Every repo lists its proven backup, and the WAL since then is archived as the objective demands`},
		"the volume fills": {samples: []report.Sample{seenAt(5 * time.Minute), seenAt(0, failing, func(s *report.Sample) { s.Volume.Free = 1 << 30 })}, want: `
Ready False RunwayShort
Archiving False RunwayShort: The volume of pg_wal is full in less than 24h0m0s, and PostgreSQL stops then; PostgreSQL cannot archive its WAL and keeps it in pg_wal; what pgbackrest archive-push says of it is in the log of the primary
Recoverable True Recoverable: Every repo lists its proven backup, and the WAL since then is archived as the objective demands`},
		"the archiver hangs": {
			samples: []report.Sample{seenAt(0, func(s *report.Sample) {
				s.WAL.Waiting, s.WAL.StalledSeconds = 1, 90
			})}, want: `
Ready False ArchivingStalled
Archiving False ArchivingStalled: WAL segments wait and none is archived, although no attempt has failed: archive_command hangs; look for pgbackrest archive-push in the processes and the log of the primary
Recoverable True Recoverable: Every repo lists its proven backup, and the WAL since then is archived as the objective demands`,
		},
		"archiving is off": {samples: []report.Sample{seenAt(0, func(s *report.Sample) { s.WAL.ArchivingOff = true })}, want: `
Ready False ArchivingFailed
Archiving False ArchivingFailed: PostgreSQL archives nothing: archive_mode is off, or archive_command does nothing
Recoverable True Recoverable: Every repo lists its proven backup, and the WAL since then is archived as the objective demands`},
		"the backups are gone": {samples: []report.Sample{seenAt(-5*time.Minute, func(s *report.Sample) {
			s.Repos["repo1"] = report.RepoSample{Message: "no valid backups", ArchiveMax: "000000010000000000000005"}
		})}, change: func(p *Pass) { p.Now = p.Now.Add(12 * time.Minute); p.Watch.Seen.Samples[0].Time = p.Now }, want: `
Ready False BackupRemoved
Archiving True Archiving: PostgreSQL archives its WAL
Recoverable False BackupRemoved: In repo1 the backup that a run has proven last is gone, and no newer one is there; find out who has removed it, and run a full backup`},
		"commits are at risk": {
			samples: []report.Sample{seenAt(0, func(s *report.Sample) { s.WAL.LSN, s.WAL.Snapshot = "0/6000100", "800:800:" })},
			change: func(p *Pass) {
				p.State.Stanza.Spec.Objectives.RPO = &metav1.Duration{Duration: time.Minute}
				p.Now = p.Now.Add(10 * time.Minute)
			},
			want: `
Ready False RPOExceeded
Archiving True Archiving: PostgreSQL archives its WAL
Recoverable False RPOExceeded: Commits of more than 1m0s would be lost with the primary: they are not in every repo; see the condition Archiving`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := watched(t, tc.samples...)
			if tc.change != nil {
				tc.change(&p)
			}
			var before stanzaflowv1alpha1.StanzaStatus
			if tc.before != nil {
				tc.before(&before)
			}
			status, _ := For(before, 1, p)
			var lines []string
			for _, kind := range []string{vocab.ConditionReady, vocab.ConditionArchiving, vocab.ConditionRecoverable} {
				c := reconciletest.Condition(t, status, kind)
				line := c.Type + " " + string(c.Status) + " " + c.Reason
				if kind != vocab.ConditionReady {
					line += ": " + c.Message
				}
				lines = append(lines, line)
			}
			if diff := cmp.Diff(strings.TrimSpace(tc.want), strings.Join(lines, "\n")); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
			if again, _ := For(status, 1, p); !equality.Semantic.DeepEqual(status, again) {
				t.Errorf("another pass changes the status (-before +after):\n%s", cmp.Diff(status, again))
			}
		})
	}
}

// TestFirstBackupIsNotReady: until the first backup is proven, archiving fails and nothing
// can be restored. Ready says what is waited for.
func TestFirstBackupIsNotReady(t *testing.T) {
	p := makePass(t, func(p *Pass) {
		for _, cronWorkflow := range p.Done.InForce {
			cronWorkflow.SetCreationTimestamp(metav1.NewTime(p.Now))
		}
	})
	p.Unproven = map[string]string{"repo1": "waits for the primary"}
	p.Watch = &Watch{Interval: 5 * time.Minute, Seen: archiving.Seen{Samples: []report.Sample{seenAt(0, func(s *report.Sample) {
		s.WAL.LastArchived, s.WAL.LastArchivedTime = "", nil
		s.WAL.LastFailed, s.WAL.LastFailedTime, s.WAL.Waiting = "000000010000000000000001", &s.Time, 1
		s.Repos["repo1"] = report.RepoSample{Message: "missing stanza path"}
	})}}}
	status, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
	for kind, reason := range map[string]vocab.Reason{
		vocab.ConditionReady: vocab.ReasonNoBackupYet, vocab.ConditionArchiving: vocab.ReasonArchivingFailed, vocab.ConditionRecoverable: vocab.ReasonNoBackup,
	} {
		if c := reconciletest.Condition(t, status, kind); c.Reason != string(reason) {
			t.Errorf("%s is %s %s: %s, want %s", kind, c.Status, c.Reason, c.Message, reason)
		}
	}
}

// TestUnwatched: without a watch nothing of it is in the status, nor stays there.
func TestUnwatched(t *testing.T) {
	p := watched(t, seenAt(0))
	before, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
	if before.Archive == nil || before.Recoverable == nil || len(before.Repos[0].Newest) == 0 {
		t.Fatalf("the watch is not in the status: %s", reconciletest.JSON(before))
	}
	p.Watch = nil
	after, _ := For(before, 1, p)
	if after.Archive != nil || after.Recoverable != nil || after.Repos[0].Newest != nil {
		t.Errorf("the status is %s", reconciletest.JSON(after))
	}
	for _, kind := range []string{vocab.ConditionArchiving, vocab.ConditionRecoverable} {
		if c := meta.FindStatusCondition(after.Conditions, kind); c != nil {
			t.Errorf("there is still %s", reconciletest.JSON(c))
		}
	}
}

// TestIdleReportsWriteNothing: reports of ten minutes that differ only in time change no
// status.
func TestIdleReportsWriteNothing(t *testing.T) {
	p := watched(t, seenAt(-10*time.Minute)) // after the last backup has ended
	p.Now = p.Now.Add(10 * time.Minute)
	before, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
	if before.Repos[0].Restorable == nil {
		t.Fatal("the status does not say what is restorable: the test is wrong")
	}
	for range 10 {
		p.Now = p.Now.Add(time.Minute)
		last := p.Watch.Seen.Samples[0]
		last.Time = p.Now
		p.Watch.Seen.Samples = append(p.Watch.Seen.Samples, last)
		after, _ := For(before, 1, p)
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("a report that differs only in time changes (-before +after):\n%s", diff)
		}
	}
}

// TestEmptiedRepoIsBelievedSoon: of a backup without a schedule only lastRun remembers when
// its run ended. A minute later a list without it is no older list.
func TestEmptiedRepoIsBelievedSoon(t *testing.T) {
	p := makePass(t, ran("diff-by-hand", cpo.Diff, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T11:50:00Z"))
	run := p.Runs[0]
	if run.Status.FinishTime == nil || run.Backup == nil {
		t.Fatalf("the run is %s: the test is wrong", reconciletest.JSON(run))
	}
	for _, tc := range []struct {
		after time.Duration
		want  vocab.Reason
	}{{59 * time.Second, vocab.ReasonRecoverable}, {time.Minute, vocab.ReasonBackupRemoved}} {
		p.Now = run.Status.FinishTime.Add(tc.after)
		emptied := seenAt(reconciletest.Noon.Sub(p.Now), func(s *report.Sample) {
			s.Repos["repo1"] = report.RepoSample{Message: "missing stanza path"}
		})
		p.Watch = &Watch{Interval: 5 * time.Minute, Seen: archiving.Seen{Start: p.Now.Add(-time.Hour), Samples: []report.Sample{emptied}}}
		status, _ := For(stanzaflowv1alpha1.StanzaStatus{}, 1, p)
		if c := reconciletest.Condition(t, status, vocab.ConditionRecoverable); c.Reason != string(tc.want) {
			t.Errorf("%s after the end of the run: %s %s, want %s", tc.after, c.Reason, c.Message, tc.want)
		}
	}
}
