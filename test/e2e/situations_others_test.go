// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// trySchedule stops a schedule in a way that the operator cannot see and Argo does not
// report: it looks as if Argo's controller were gone.
func trySchedule(t *testing.T, s *situations) {
	d := s.start(t, "schedule", "outage")
	awaitBackupSince(t, d.Kit, time.Time{})
	awaitCondition(t, d.Kit, vocab.ConditionArchiving, metav1.ConditionTrue, vocab.ReasonArchiving)
	const foreign = "workflows.argoproj.io/controller-instanceid"
	since := time.Now()
	program.Kubectl(t, "label", "-n", d.Namespace, "cronworkflow", cronIncr, foreign+"=another")
	d.see(t, situation{
		name: "Overdue", what: "Argo no longer starts the schedule, which fires every minute: its CronWorkflow has the label of another controller. A backup may be late by a minute and the grace of five.",
		condition: vocab.ConditionBackupHealthy, status: metav1.ConditionFalse, reason: vocab.ReasonOverdue, longest: 9 * time.Minute,
		event: vocab.ReasonOverdue, metric: `stanzaflow_schedule_overdue{CLUSTER}`, alerts: []string{"StanzaflowBackupOverdue"},
	}, since)
	program.Kubectl(t, "label", "-n", d.Namespace, "cronworkflow", cronIncr, foreign+"-")
	d.repaired(t, "Overdue")
}

// tryArchive stops the archiving of WAL: it hangs, and it fails while WAL is written.
func tryArchive(t *testing.T, s *situations) {
	// The runway follows from the size of the volume, so it must not be that of the machine.
	d := s.startWithVolume(t, "archive", "60Gi", "situations")
	d.CreateAccounts(t)
	d.backUp(t)
	d.repaired(t, "the first backup")

	d.FakePgBackRest(t, kit.Primary, `*' archive-push '*) sleep 3600`)
	since := time.Now()
	d.writeSegment(t)
	d.see(t, situation{
		name: "Archiving stalled", what: "`archive_command` hangs: PostgreSQL counts no failure, and a WAL segment waits for 45 seconds.",
		condition: vocab.ConditionArchiving, status: metav1.ConditionFalse, reason: vocab.ReasonArchivingStalled, longest: oneWatch,
		event: vocab.ReasonArchivingStalled, metric: `stanzaflow_archive_failing_seconds{CLUSTER} > bool 0`, alerts: []string{"StanzaflowArchivingFailing"},
	}, since)
	d.FakePgBackRest(t, kit.Primary, "")
	d.Exec(t, kit.Primary, "pkill", "-f", "sleep 3600")
	d.AwaitArchived(t)
	d.repaired(t, "Archiving stalled")

	d.FakePgBackRest(t, kit.Primary, `*' archive-push '*) echo "P00  ERROR: [039]: unable to write to the repository: no space left on device" >&2; exit 39`)
	since = time.Now()
	stop := d.keepWriting(t)
	d.see(t, situation{
		name: "Runway short", what: "`archive_command` fails while the database writes WAL, which PostgreSQL must keep: the volume of pg_wal will be full within a day.",
		condition: vocab.ConditionArchiving, status: metav1.ConditionFalse, reason: vocab.ReasonRunwayShort, first: vocab.ReasonArchivingFailed, longest: oneWatch,
		event: vocab.ReasonRunwayShort, metric: `stanzaflow_wal_runway_seconds{CLUSTER} < bool stanzaflow_wal_runway_objective_seconds{CLUSTER}`, alerts: []string{"StanzaflowArchivingFailing", "StanzaflowRunwayShort"},
	}, since)
	stop()
	d.FakePgBackRest(t, kit.Primary, "")
	d.AwaitArchived(t)
	d.repaired(t, "Runway short")
	restoreToTheEnd(t, d.Kit)
}

// oneWatch is how long the first word about archiving may take: one interval and a minute.
const oneWatch = 2 * time.Minute

// startWithVolume is start with a volume of a fixed size for PostgreSQL.
func (s *situations) startWithVolume(t *testing.T, name, size, folder string) *database {
	t.Helper()
	k := kit.New(t, "e2e-situations-"+name)
	claim := k.Namespace + "/pgdata-" + kit.Primary
	k.CreateNamespace(t)
	program.LocalCluster(t, "volume", "make", claim, size)
	t.Cleanup(func() {
		k.DeleteNamespace(t)
		program.LocalCluster(t, "volume", "remove", claim)
	})
	return s.startIn(t, k, folder)
}

// writeSegment fills what is left of a WAL segment.
func (d *database) writeSegment(t *testing.T) {
	t.Helper()
	d.PSQL(t, kit.Primary, "INSERT INTO account SELECT max(id) + 1, 'late', 0 FROM account")
	d.PSQL(t, kit.Primary, "SELECT pg_switch_wal()")
}

// keepWriting writes a WAL segment every two seconds until the caller stops it.
func (d *database) keepWriting(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for every := time.NewTicker(2 * time.Second); ; {
			select {
			case <-ctx.Done():
				every.Stop()
				return
			case <-every.C:
				_, _ = d.TryPSQL(ctx, kit.Primary, "INSERT INTO account SELECT max(id) + 1, 'late', 0 FROM account")
				_, _ = d.TryPSQL(ctx, kit.Primary, "SELECT pg_switch_wal()")
			}
		}
	}()
	return func() { cancel(); <-done }
}

// tryCertificate lets somebody else's policy refuse the certificates that the operator
// renews.
func tryCertificate(t *testing.T, s *situations) {
	d := s.start(t, "certificate", "certificate", "duration: 2m", "duration: 9m")
	d.AwaitPod(t, kit.RepoHost)
	const policy = "testdata/situations/no-renewal.yaml"
	program.Kubectl(t, "apply", "-f", policy)
	t.Cleanup(func() {
		if out, err := program.TryKubectl(context.Background(), nil, "delete", "-f", policy, "--ignore-not-found"); err != nil {
			t.Errorf("kubectl delete -f %s: %v: %s", policy, err, out)
		}
	})
	d.backUp(t)
	due := d.Stanza(t).Status.Certificate
	if due == nil || due.RenewalTime == nil {
		t.Fatalf("the Stanza does not say when the certificate is renewed: %+v", due)
	}
	wait.Until(t, 9*time.Minute, "the certificate is due for renewal", func() (bool, string) {
		left := time.Until(due.RenewalTime.Time)
		return left <= 0, fmt.Sprintf("%s left", left)
	})
	d.see(t, situation{
		name: "Certificate about to expire", what: "Somebody's admission policy refuses the Secret with the certificates that the operator has renewed.",
		condition: vocab.ConditionProgrammed, status: metav1.ConditionFalse, reason: vocab.ReasonApplyFailed, longest: 2 * time.Minute,
		event: vocab.ReasonApplyFailed, metric: `stanzaflow_certificate_renewal_timestamp_seconds{CLUSTER} < bool time()`, alerts: []string{"StanzaflowCertificateExpiring", "StanzaflowNotInForce"},
	}, due.RenewalTime.Time)
	program.Kubectl(t, "delete", "-f", policy)
	d.repaired(t, "Certificate about to expire")
}
