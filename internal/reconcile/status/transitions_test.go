// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// TestConditionEvents has one story for each cause: the events of each pass about
// conditions. Those on both objects are new; those on the Stanza alone repeat for it what
// the postgresql has in another event.
func TestConditionEvents(t *testing.T) {
	minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	runs := func(p *Pass) {
		ran("full-1", cpo.Full, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T02:30:00Z")(p)
		ran("incr-1", cpo.Incr, stanzaflowv1alpha1.RunSucceeded, "2026-11-22T12:00:00Z")(p)
	}
	type step struct {
		runs    func(*Pass)
		samples []report.Sample
		after   time.Duration
		want    []string
	}
	failing := func(s *report.Sample) {
		s.WAL.LSN, s.WAL.Snapshot, s.WAL.Waiting = "0/6100000", "800:800:", 1
		s.WAL.LastFailed, s.WAL.LastFailedTime = "000000010000000000000006", new(s.Time)
	}
	for name, steps := range map[string][]step{
		"a cluster gets ready": {
			{runs: func(*Pass) {}},
			{runs: runs, want: []string{"Normal Succeeded on the Stanza: BackupHealthy is True", "Normal Ready on both: Ready is True"}},
			{runs: runs, samples: []report.Sample{seenAt(0)}},
			{runs: runs, samples: []report.Sample{seenAt(0)}},
		},
		"archiving fails and recovers": {
			{runs: runs, samples: []report.Sample{seenAt(0)}},
			{runs: runs, samples: []report.Sample{seenAt(0), seenAt(-minutes(1), failing)}, after: minutes(1), want: []string{"Warning ArchivingFailed on both: Archiving is False"}},
			{runs: runs, samples: []report.Sample{seenAt(0), seenAt(-minutes(1), failing), seenAt(-minutes(2), failing)}, after: minutes(2)},
			{runs: runs, samples: []report.Sample{seenAt(-minutes(3))}, after: minutes(3), want: []string{"Normal Archiving on both: Archiving is True", "Normal Ready on both: Ready is True"}},
		},
		"no watch reports, and then one does": {
			{runs: runs, samples: []report.Sample{seenAt(minutes(1))}},
			{runs: runs, samples: []report.Sample{seenAt(minutes(1))}, after: minutes(15), want: []string{"Warning Blind on both: Archiving is Unknown"}},
			{runs: runs, samples: []report.Sample{seenAt(-minutes(16))}, after: minutes(16), want: []string{"Normal Archiving on both: Archiving is True", "Normal Recoverable on both: Recoverable is True", "Normal Ready on both: Ready is True"}},
		},
		"a run fails": {
			{runs: runs},
			{runs: func(p *Pass) {
				runs(p)
				ran("incr-2", cpo.Incr, stanzaflowv1alpha1.RunFailed, "2026-11-22T12:05:00Z")(p)
			}, want: []string{"Warning LastRunFailed on the Stanza: BackupHealthy is False"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var status stanzaflowv1alpha1.StanzaStatus
			for i, s := range steps {
				p := makePass(t, s.runs)
				for _, o := range p.Done.InForce {
					o.SetCreationTimestamp(metav1.NewTime(reconciletest.Noon.Add(-time.Minute)))
				}
				p.Now = p.Now.Add(s.after)
				p.Watch = &Watch{Interval: minutes(5), Seen: archiving.Seen{Start: p.Now, Samples: s.samples}}
				after, _ := For(status, 1, p)
				var got []string
				for _, e := range Transitions(status, after, p.Plan.Problems, p.Actions) {
					if !e.OnStanza {
						continue
					}
					where := "on both"
					if e.Only {
						where = "on the Stanza"
					}
					note, _, _ := strings.Cut(e.Note, ":")
					got = append(got, e.Type+" "+string(e.Reason)+" "+where+": "+note)
				}
				if diff := cmp.Diff(s.want, got); diff != "" {
					t.Errorf("events of step %d (-want +got): %s\n%s", i, diff, reconciletest.JSON(after.Conditions))
				}
				status = after
			}
		})
	}
}
