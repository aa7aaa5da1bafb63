// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Prove has a run list a backup that ended so long before now, and the operator write
// into the Stanza that it is proven.
func (w *World) Prove(run, backupType string, age time.Duration) Backup {
	w.List(Backup{Type: backupType, RepoKey: 1, Stop: w.Clock.Now().Add(-age).Truncate(time.Second), Annotation: map[string]string{vocab.BackupAnnotation: run}})
	made := w.Backups[len(w.Backups)-1]
	w.Record(made)
	return made
}

// Record has the operator write into the Stanza that a backup is proven.
func (w *World) Record(b Backup) {
	w.StanzaObject.Status.Repos = []stanzaflowv1alpha1.RepoStatus{{Name: "repo1", LastBackup: &stanzaflowv1alpha1.BackupStatus{
		Label: b.Label, Repo: "repo1", Type: b.Type, StopTime: metav1.NewTime(b.Stop), Verified: stanzaflowv1alpha1.VerifiedContents,
	}}}
}

var restorePoint = regexp.MustCompile(`pg_create_restore_point\('([^']*)'\)`)

// createRestorePoint writes a restore point into the segment that comes next.
func (w *World) createRestorePoint(c Call, statement string) error {
	w.RestorePoints = append(w.RestorePoints, restorePoint.FindStringSubmatch(statement)[1])
	w.pointWritten = true
	return c.PrintJSON(map[string]any{"lsn": "0/5000060", "segment": w.segment(), "time": w.Clock.Now(), "xid": "731"})
}

// HeartbeatDelay is how much later than the clock of the World its PostgreSQL says that it
// is, so that a heartbeat has microseconds.
const HeartbeatDelay = 204981 * time.Microsecond

// writeHeartbeat writes a commit into the segment that comes next.
func (w *World) writeHeartbeat(c Call) error {
	w.Heartbeats++
	kolkata := time.FixedZone("", 19800)
	return c.PrintJSON(map[string]any{
		"xid": "730", "time": w.Clock.Now().Add(HeartbeatDelay).In(kolkata), "lsn": "0/5000028", "segment": w.segment(), "lastArchived": w.Postgres["lastArchived"],
	})
}

// SkipSegment has PostgreSQL write a segment that does not get into the archive.
func (w *World) SkipSegment() { w.nextSegment++ }

// segment is the one that PostgreSQL writes.
func (w *World) segment() string { return fmt.Sprintf("%08X00000000%08X", w.Timeline, w.nextSegment) }

// check archives the segment with the restore point, if there is one.
func (w *World) check(c Call) error {
	if !w.matches() {
		return c.fail(28, mismatch)
	}
	segment := w.segment()
	if w.pointWritten {
		w.Segments[segment] = []string{Sum("c")}
		w.nextSegment++
		w.pointWritten = false
	}
	var text strings.Builder
	for _, repo := range append([]int{1}, slices.Sorted(maps.Keys(w.Others))...) {
		text.WriteString(CheckedLine(repo, w.Databases[len(w.Databases)-1].archive(), segment))
	}
	return c.Print(text.String())
}

// CheckedLine is what pgbackrest check says of a segment in a repo.
func CheckedLine(repo int, archive, segment string) string {
	return fmt.Sprintf("P00   INFO: WAL segment %s successfully archived to '/orders/archive/db/%s/%s/%s-%s.zst' on repo%d\n",
		segment, archive, segment[:16], segment, strings.Repeat("c", 40), repo)
}
