// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remembered_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/remembered"
)

// TestMoments has moments of all kinds, and what an older operator or a broken status has.
func TestMoments(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 13, 41, 7, 204981000, time.UTC)
	restorable := func(heartbeat bool, lsn string) *stanzaflowv1alpha1.RestorableStatus {
		return &stanzaflowv1alpha1.RestorableStatus{Newest: metav1.NewMicroTime(at), Heartbeat: heartbeat, Timeline: 2, LSN: lsn}
	}
	reached := func(repo, lsn string, timeline int32, to *metav1.MicroTime) stanzaflowv1alpha1.DrillStatus {
		return stanzaflowv1alpha1.DrillStatus{LastProven: &stanzaflowv1alpha1.ProvenDrill{Repo: repo, LSN: lsn, Timeline: timeline, RecoveredTo: to}}
	}
	got := remembered.Moments(stanzaflowv1alpha1.StanzaStatus{
		Repos: []stanzaflowv1alpha1.RepoStatus{
			{Name: "repo1", Restorable: restorable(true, "0/45000148")},
			{Name: "repo2", Restorable: restorable(false, "")},
			{Name: "repo3"},
			{Name: "repo4", Restorable: &stanzaflowv1alpha1.RestorableStatus{
				Newest: metav1.NewMicroTime(at.Add(time.Hour)), Timeline: 2, LSN: "0/46000000",
				LastHeartbeat: &stanzaflowv1alpha1.HeartbeatStatus{Time: metav1.NewMicroTime(at), Timeline: 2, LSN: "0/45000148"},
			}},
			{Name: "other", Restorable: restorable(true, "0/45000148")},
		},
		Drills: []stanzaflowv1alpha1.DrillStatus{
			{Name: "never"},
			reached("repo1", "0/43000000", 1, new(metav1.NewMicroTime(at))),
			reached("repo1", "0/43000000", 1, nil), // Immediate
			reached("repo1", "", 1, new(metav1.NewMicroTime(at))),
			reached("repo1", "0/43000000", 0, new(metav1.NewMicroTime(at))),
			reached("", "0/43000000", 1, new(metav1.NewMicroTime(at))),
		},
	})
	want := []restoreplan.Known{
		{Time: at, Timeline: 2, LSN: 0x45000148, Heartbeat: true, Repo: 1},
		{Time: at, Timeline: 2, Bound: true, Repo: 2},
		{Time: at.Add(time.Hour), Timeline: 2, LSN: 0x46000000, Bound: true, Repo: 4},
		{Time: at, Timeline: 2, LSN: 0x45000148, Heartbeat: true, Repo: 4},
		{Time: at, Timeline: 1, LSN: 0x43000000, Repo: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("moments (-want +got):\n%s", diff)
	}
}
