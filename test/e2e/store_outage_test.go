// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testStoreOutage takes the store away for the only slot of an hour. Its run fails, and
// when the backup is overdue the operator makes it, without the next slot.
func testStoreOutage(t *testing.T) {
	k := startEveryMinute(t, "store-outage")
	slot := time.Now().Truncate(time.Minute).Add(2 * time.Minute)
	k.PatchCluster(t, fmt.Sprintf(`[{"op":"replace","path":"/spec/backup/pgbackrest/repos/0/schedule/incr","value":"%d * * * *"}]`, slot.Minute()))
	k.PatchStanza(t, `{"spec":{"startOverdue":true}}`)
	store := func(app string) {
		program.RetryKubectl(t, "patch", "-n", k.Namespace, "service", "object-store", "-p", `{"spec":{"selector":{"app.kubernetes.io/name":"`+app+`"}}}`)
	}
	store("away")
	wait.Until(t, 20*time.Minute, "the run of the slot has failed", func() (bool, string) {
		last := k.Stanza(t).Status.LastRun
		return last != nil && last.Result == stanzaflowv1alpha1.RunFailed && !last.StartTime.Time.Before(slot), fmt.Sprintf("%+v", last)
	})
	if runs := overdueRuns(t, k); len(runs) > 0 {
		t.Errorf("%v were started before the backup was overdue", runs)
	}
	store("object-store")
	k.PSQL(t, kit.Primary, "CREATE TABLE after_outage AS SELECT generate_series(1, 1000) AS i")
	back := time.Now()
	wait.Until(t, 20*time.Minute, "the operator has made the overdue backup", func() (bool, string) {
		status := k.Stanza(t).Status
		return status.LastBackup != nil && status.LastBackup.StartTime.After(back), fmt.Sprintf("%+v", status.Triggers)
	})
	runs := overdueRuns(t, k)
	if last := k.Stanza(t).Status.LastBackup; len(runs) != 1 || last.Workflow != runs[0] {
		t.Errorf("the overdue runs are %v, and the last backup is of %s; want one run, whose it is", runs, last.Workflow)
	}
	if next := slot.Add(time.Hour); !time.Now().Before(next) {
		t.Error("the test is too slow: the next slot has come")
	}
	restoreToTheEnd(t, k)
}

// overdueRuns are the runs that the operator has started for overdue backups.
func overdueRuns(t *testing.T, k *kit.Kit) (names []string) {
	t.Helper()
	list := &wfv1.WorkflowList{}
	k.List(t, list, client.MatchingLabels{vocab.LabelTrigger: vocab.TriggerOverdue})
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names
}
