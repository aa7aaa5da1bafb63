// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/proof"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// restorePoint creates the restore point, and proves that the backup can be restored to
// it. A pre-deploy run succeeds only here. Each attempt creates another one: nothing is
// known of one whose stream was lost.
func (s *step) restorePoint(ctx context.Context) error {
	from, err := s.Workspace.candidate(s.writerOfCandidate())
	if err != nil {
		return err
	}
	if from.Backup == nil {
		if s.Predeploy.OnlyReuse {
			return nil // precheck has said why, and the next pod makes a backup.
		}
		return attempt.Stop("step verify has proven no backup: run the steps in their order in one pod")
	}
	p, err := s.Workspace.precheck()
	if err != nil {
		return err
	}
	primary, host, err := s.locateBoth(ctx, p)
	if err != nil {
		return err
	}
	point, err := s.cluster.CreateRestorePoint(ctx, primary, s.Predeploy.RestorePoint)
	if err != nil {
		return err
	}
	timeline, err := point.Timeline()
	if err != nil {
		return attempt.Stop("PostgreSQL in %s does not say where restore point %s is: %v", primary, point.Name, err)
	}
	why, err := s.findGap(ctx, primary, host, p, *from.Backup, point)
	switch {
	case err != nil:
		return err
	case why != "" && s.Predeploy.OnlyReuse:
		s.sayNotFresh(why)
		return nil
	case why != "":
		return attempt.Stop("the database cannot be restored to restore point %s, so the deploy must not continue: %s", point.Name, why)
	}
	s.proven(from, p, point, timeline)
	return nil
}

// proven has the run succeed.
func (s *step) proven(from candidate, p precheck.Result, point remote.RestorePoint, timeline int) {
	s.report.Result, s.report.Message, s.report.Code = stanzaflowv1alpha1.RunSucceeded, "", 0
	s.report.Backup = from.Backup
	s.report.Predeploy = &report.Predeploy{
		Reused: from.Reused, RestorePoint: point.Name, Time: point.Time, LSN: point.LSN, Timeline: timeline,
		Restore: pgbackrest.RestoreText(vocab.PgBackRestStanza, p.Repo, from.Backup.Label, pgbackrest.RestorePoint{Name: point.Name, Timeline: timeline}),
	}
	s.logf("RESTORE POINT %s of postgresql %s/%s at %s on timeline %d: all WAL from backup %s up to it is in %s, to restore: %s",
		point.Name, s.Namespace, s.Cluster, point.LSN, timeline, from.Backup.Label, s.Backup.Repo, s.report.Predeploy.Restore)
}

// writerOfCandidate is the step before this one that chooses the backup.
func (s *step) writerOfCandidate() string {
	if s.Predeploy.OnlyReuse {
		return stepPrecheck
	}
	return stepBackup
}

// findGap says what of the WAL from the end of the backup up to the restore point is not
// in the repo, empty if nothing is missing, and waits until the point is in every repo.
//
// pgbackrest check proves that for the segment that it makes PostgreSQL switch, in every
// repo. That is mostly the one that holds the point. It proves nothing about an earlier
// one: archive-push-queue-max may have dropped it, and with archive-async a later one may
// arrive first. So those are looked up.
func (s *step) findGap(ctx context.Context, primary, host remote.Place, p precheck.Result, from report.Backup, point remote.RestorePoint) (string, error) {
	if from.WALStop[:8] != point.Segment[:8] {
		return fmt.Sprintf("it is on another timeline than backup %s, there was a failover or a restore since", from.Label), nil
	}
	needed, err := proof.Segments(from.WALStop, point.Segment, p.Facts.Postgres.WALSegmentBytes)
	if err != nil {
		return fmt.Sprintf("the WAL since backup %s is not known: %v", from.Label, err), nil
	}
	checked, err := s.cluster.Check(ctx, primary)
	if err != nil {
		return "", err
	}
	s.noteHeartbeat(checked.Heartbeat)
	seen := checked.Segments
	if _, ok := seen[p.Repo]; !ok {
		return "", attempt.Stop("pgbackrest check passed in %s and does not say which WAL segment it has seen in %s", primary, s.Backup.Repo)
	}
	for _, repo := range slices.Sorted(maps.Keys(seen)) {
		at, want := primary, needed[len(needed)-1:]
		if repo == p.Repo {
			// The proof of the backup includes its last segment.
			at, want = host, needed[1:]
		}
		want = slices.DeleteFunc(slices.Clone(want), func(segment string) bool { return segment == seen[repo].Name })
		if why, err := s.awaitSegments(ctx, at, p, repo, seen[repo].ArchiveID, want); err != nil || why != "" {
			return why, err
		}
	}
	return "", nil
}

// awaitSegments waits until a repo has these segments, or says which it will not get.
func (s *step) awaitSegments(ctx context.Context, at remote.Place, p precheck.Result, repo int, archive string, want []string) (string, error) {
	s.cluster.Forget() // A failover may come during each wait, and may have come during check.
	for since := s.Clock.Now(); len(want) > 0; {
		archivedUpTo := s.readArchivedUpTo(ctx, p)
		have, err := s.listSegments(ctx, at, repo, archive, want)
		if err != nil {
			return "", err
		}
		missing, lost := []string{}, false
		for _, segment := range want {
			if whole, ok := have[segment]; !ok || !whole {
				missing = append(missing, segment)
				lost = lost || ok || proof.HasArchived(archivedUpTo, segment)
			}
		}
		switch {
		case len(missing) == 0:
			return "", nil
		case lost:
			return fmt.Sprintf("PostgreSQL has archived WAL that is not whole in repo%d, see whether archive-push-queue-max dropped it: %s", repo, proof.List(missing)), nil
		case s.Clock.Since(since) >= p.ArchiveTimeout:
			return "", attempt.Retry("WAL up to the restore point is not in repo%d after %s: %s", repo, p.ArchiveTimeout, proof.List(missing))
		}
		if err := s.attempts.Wait(ctx, s.Poll, "WAL up to the restore point is not in repo%d yet: %s", repo, strings.Join(missing, ", ")); err != nil {
			return "", err
		}
	}
	return "", nil
}
