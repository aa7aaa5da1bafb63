// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package slots

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

var (
	noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	full = Backup{"shop", "repo1", "full"}
)

func at(kind string, minute int, isLeft bool) Entry {
	return Entry{Kind: kind, Name: fmt.Sprintf("of-%02d", minute), Phase: "ended", Cluster: full.Cluster, Repo: full.Repo, Type: full.Type, Slot: noon.Add(time.Duration(minute) * time.Minute), Left: isLeft}
}

// unseeing is a run that could not look whose slot it was.
func unseeing(minute int) Entry {
	e := at(Workflow, minute, false)
	e.Blind = true
	return e
}

// long is a run that takes some minutes.
func long(minute, minutes int) Entry {
	e := at(Workflow, minute, false)
	e.Began, e.Ended = e.Slot, e.Slot.Add(time.Duration(minutes)*time.Minute)
	return e
}

func TestJudge(t *testing.T) {
	t.Parallel()
	period := Period{Backup: full, Expression: "*/2 * * * *", From: noon, To: noon.Add(6 * time.Minute)}
	for name, tc := range map[string]struct {
		entries []Entry
		want    Verdict
	}{
		"each slot once, and the slot at the end may not have run": {
			[]Entry{at(Job, 0, false), at(Workflow, 0, true), at(Workflow, 2, false), at(Workflow, 4, false)},
			Verdict{Slots: 3, CPO: 1, Ours: 2, Left: 1},
		},
		"left by us, and not run by CPO": {
			[]Entry{at(Job, 0, false), at(Workflow, 2, true), at(Workflow, 4, false)},
			Verdict{Slots: 3, CPO: 1, Ours: 1, Left: 1, Problems: []string{"slot 12:02:00 of shop repo1 full was missed; Workflow of-02 ended "}},
		},
		"nothing": {
			nil,
			Verdict{Slots: 3, Problems: []string{
				"slot 12:00:00 of shop repo1 full was missed; nothing was started for it",
				"slot 12:02:00 of shop repo1 full was missed; nothing was started for it",
				"slot 12:04:00 of shop repo1 full was missed; nothing was started for it",
			}},
		},
		"could not look": {
			[]Entry{at(Job, 0, false), unseeing(0), unseeing(2), at(Workflow, 4, false), unseeing(4)},
			Verdict{Slots: 3, CPO: 1, Ours: 1, Blind: 3},
		},
		"an earlier run had not ended": {
			[]Entry{long(0, 3), at(Job, 4, false)},
			Verdict{Slots: 3, CPO: 1, Ours: 1, Busy: 1},
		},
		"twice, also outside of the period": {
			[]Entry{at(Job, 0, false), at(Job, 2, false), at(Workflow, 2, false), at(Job, 4, false), at(Job, 8, false), at(Job, 8, false)},
			Verdict{Slots: 3, CPO: 5, Ours: 1, Problems: []string{
				"slot 12:02:00 of shop repo1 full ran 2 times: Job of-02 ended ; Workflow of-02 ended ",
				"slot 12:08:00 of shop repo1 full ran 2 times: Job of-08 ended ; Job of-08 ended ",
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Judge(tc.entries, []Period{period})
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestReadJob reads a Job that Kubernetes has made of a CronJob of the real CPO.
func TestReadJob(t *testing.T) {
	t.Parallel()
	o := &unstructured.Unstructured{}
	cpotest.Decode(t, "job/job-pgbackrest-cluster-repo1-incr-29931525.yaml", o)
	got, err := readJob(o, "cluster.cpo.opensource.cybertec.at/name")
	if err != nil || got.Backup() != (Backup{"cluster", "repo1", "incr"}) || got.Slot.Second() != 0 || got.Slot.IsZero() {
		t.Errorf("%v, %+v", err, got)
	}
}
