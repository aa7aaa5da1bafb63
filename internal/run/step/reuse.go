// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/proof"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// candidate is the backup from which a restore to the restore point would begin.
type candidate struct {
	// Run is the UID of the run that has made it.
	Run string `json:"run,omitempty"`
	// Reused: another run has proven it.
	Reused bool `json:"reused,omitempty"`
	// Backup is nil until it is proven.
	Backup *report.Backup `json:"backup,omitempty"`
}

// reuse ends the precheck of a pod that only reuses a backup. Without a fresh one the
// report says Unknown: the next pod has to make one.
func (s *step) reuse(ctx context.Context, p precheck.Result) error {
	at, err := s.cluster.Find(ctx, p.Host)
	if err != nil {
		return err
	}
	stanza, err := s.readStanza(ctx)
	if err != nil {
		return err
	}
	found, why, err := s.findFresh(ctx, at, p, p.Info, stanza)
	if err != nil {
		return err
	}
	if why != "" {
		s.sayNotFresh(why)
	}
	return s.Workspace.saveCandidate(found)
}

// sayNotFresh has the report prove nothing, and the next pod make a backup.
func (s *step) sayNotFresh(why string) {
	s.report.Message = report.OneLine("no fresh backup: " + why)
	s.logf("%s", s.report.Message)
}

// recordTime is how long the operator may need to write into the Stanza what a run has
// proven. It does so within a second or two of the end of the run, and with the lock of
// that run another one may begin at once. A backup takes longer than this wait.
const recordTime = 30 * time.Second

// reuseLocked reuses a fresh backup in a pod that has the lock: the run before it may just
// have made one. It reports whether it did.
func (s *step) reuseLocked(ctx context.Context, p precheck.Result) (bool, error) {
	at, err := s.cluster.Find(ctx, p.Host)
	if err != nil {
		return false, err
	}
	info, err := s.readInfo(ctx, at, p.Repo)
	if err != nil {
		return false, err
	}
	if len(info.ByAnnotation(p.Repo, vocab.BackupAnnotation, s.Run)) > 0 {
		return false, s.Workspace.saveCandidate(candidate{Run: s.Run}) // A lost pod of this run has made it.
	}
	for since := s.Clock.Now(); ; {
		stanza, err := s.readStanza(ctx)
		if err != nil {
			return false, err
		}
		found, why, err := s.findFresh(ctx, at, p, info, stanza)
		if err != nil {
			return false, err
		}
		if why == "" {
			s.logf("backup %s is fresh and whole, no other one is made", found.Backup.Label)
			return true, s.Workspace.saveCandidate(found)
		}
		label := s.unrecorded(p, info, stanza)
		if label == "" || s.Clock.Since(since) >= recordTime {
			s.logf("no fresh backup: %s", why)
			return false, s.Workspace.saveCandidate(candidate{Run: s.Run})
		}
		if err := s.attempts.Wait(ctx, s.Poll, "the operator has not yet recorded backup %s, which another run has made", label); err != nil {
			return false, err
		}
	}
}

func (s *step) readStanza(ctx context.Context) (stanzaflowv1alpha1.Stanza, error) {
	stanza, err := s.Finder.Stanza(ctx, s.Namespace, s.Cluster)
	if err != nil {
		return stanza, fmt.Errorf("cannot read stanza %s/%s: %w", s.Namespace, s.Cluster, err)
	}
	return stanza, nil
}

// lastProven returns the newest backup of the repo that a run has proven.
func (s *step) lastProven(stanza stanzaflowv1alpha1.Stanza) *stanzaflowv1alpha1.BackupStatus {
	for _, repo := range stanza.Status.Repos {
		if repo.Name == s.Backup.Repo {
			return repo.LastBackup
		}
	}
	return nil
}

// unrecorded returns a young backup of another run that is newer than the last one in
// the Stanza.
func (s *step) unrecorded(p precheck.Result, info pgbackrest.Info, stanza stanzaflowv1alpha1.Stanza) string {
	newest, ok := info.Newest(p.Repo, "")
	last := s.lastProven(stanza)
	switch {
	case !ok || newest.Annotation[vocab.BackupAnnotation] == "" || s.Clock.Since(newest.Stop) > s.Predeploy.MaxAge:
		return ""
	case last != nil && !newest.Stop.After(last.StopTime.Time):
		return ""
	}
	return newest.Label
}

// findFresh returns the newest backup that a run has proven, if it is young enough and
// still whole by the clauses of the proof, or why there is none. It is not read back.
func (s *step) findFresh(ctx context.Context, at remote.Place, p precheck.Result, info pgbackrest.Info, stanza stanzaflowv1alpha1.Stanza) (candidate, string, error) {
	last := s.lastProven(stanza)
	if last == nil {
		return candidate{}, "no run has proven a backup in " + s.Backup.Repo, nil
	}
	if age := s.Clock.Since(last.StopTime.Time); age > s.Predeploy.MaxAge {
		return candidate{}, fmt.Sprintf("the newest proven backup in %s, %s, ended %s ago, and the parameter %s is %s",
			s.Backup.Repo, last.Label, age.Round(time.Second), vocab.ParamMaxAge, s.Predeploy.MaxAge), nil
	}
	listed, ok := info.Backup(p.Repo, last.Label)
	if !ok {
		return candidate{}, fmt.Sprintf("backup %s is no longer listed in %s", last.Label, s.Backup.Repo), nil
	}
	if !ofDatabase(info, listed, p) {
		return candidate{}, fmt.Sprintf("backup %s in %s is of another database than this PostgreSQL", last.Label, s.Backup.Repo), nil
	}
	found := candidate{Run: listed.Annotation[vocab.BackupAnnotation], Reused: true}
	in := s.proofInput(info, p, found.Run, listed.Type)
	if err := s.gather(ctx, at, &in, p); err != nil {
		return candidate{}, "", err
	}
	backup, missing := proof.Prove(in)
	if len(missing) > 0 {
		return candidate{}, fmt.Sprintf("backup %s in %s is not whole any more: %s", last.Label, s.Backup.Repo, strings.TrimSuffix(strings.Join(missing, " "), ".")), nil
	}
	found.Backup = reportBackup(in, p, backup)
	found.Backup.Verified = last.Verified
	return found, "", nil
}

// ofDatabase reports whether a backup is of the PostgreSQL that runs now. After a major
// upgrade it is not, and no WAL of now could be replayed on it.
func ofDatabase(info pgbackrest.Info, b pgbackrest.Backup, p precheck.Result) bool {
	database, ok := info.Database(b.RepoKey, b.DatabaseID)
	return ok && strconv.FormatUint(database.SystemID, 10) == p.Facts.Postgres.SystemID
}

// gather looks in the repo for the WAL and the files of the backup of in.Run.
func (s *step) gather(ctx context.Context, at remote.Place, in *proof.Input, p precheck.Result) (err error) {
	if in.Archived, err = s.listArchived(ctx, at, *in, p); err != nil {
		return err
	}
	return s.listFiles(ctx, at, in)
}
