// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// backup makes the backup of this run, unless it is there already. It looks first:
// if a backup with this run's annotation is listed, it is done; if one is running,
// whoever started it, it waits; only then does it start one. So a lost exec stream,
// or a second pod of the same run, never starts a second one. A pre-deploy run makes none
// if there is a fresh one.
//
// While a backup may be running, the step does not give up its pod at the first failure,
// in the form dag either: between two pods nobody notices that the run is stopped.
func (s *step) backup(ctx context.Context) error {
	p, err := s.Workspace.precheck()
	if err != nil {
		return err
	}
	if s.Kind == vocab.RunPredeploy {
		if reused, err := s.reuseLocked(ctx, p); err != nil || reused {
			return err
		}
	}
	var lost error
	for waiting := false; ; waiting = true {
		primary, at, err := s.locateBoth(ctx, p)
		if err != nil {
			return err
		}
		seen, where, err := s.look(ctx, primary, at, p.Repo, waiting)
		switch {
		case err != nil:
			return err
		case seen == listed:
			s.logf("the backup of this run is listed")
			return nil
		case seen == running:
			s.attempts.Hold(true)
			s.attempts.StartOver()
		case lost != nil:
			s.attempts.Hold(false)
			return lost
		default:
			// Between the look and the start another one may have begun, and
			// one whose stream is lost may be running: the next look shows it.
			err := s.cluster.ExplainArchiveTimeout(ctx, primary, s.start(ctx, at, p))
			if err == nil {
				return nil
			}
			failure := attempt.Of(err)
			s.attempts.Hold(failure.Lost)
			switch {
			case failure.Lost && ctx.Err() == nil:
				s.logf("%v; looking whether it is still running", err)
				lost = err
			case !failure.Wait:
				return err
			}
		}
		if err := s.attempts.Wait(ctx, s.Poll, "pgBackRest is running in %s", where); err != nil {
			return err
		}
	}
}

// locateBoth returns the primary and the host of the repo, which may be the same.
func (s *step) locateBoth(ctx context.Context, p precheck.Result) (primary, host remote.Place, err error) {
	s.cluster.Forget()
	if err := s.cluster.LookAround(ctx); err != nil {
		return primary, host, err
	}
	primary, err = s.cluster.Find(ctx, p.Primary)
	if err != nil || p.Host.Name == p.Primary.Name {
		return primary, primary, err
	}
	host, err = s.cluster.Find(ctx, p.Host)
	return primary, host, err
}

// backupState is what look found.
type backupState int

const (
	absent backupState = iota
	running
	listed
)

// look asks PostgreSQL for the sessions of backups, wherever they run, and the
// host of the repo for its lock and its list. Before it returns absent it also asks
// the other pods for their locks. It returns where something is running.
func (s *step) look(ctx context.Context, primary, at remote.Place, repo int, waiting bool) (backupState, remote.Place, error) {
	s.askBeforeBackup(ctx, primary, at, repo, waiting)
	seen, where, err := s.lookHere(ctx, primary, at, repo)
	if err == nil && seen == absent {
		seen, where, err = s.lookElsewhere(ctx, at, repo)
	}
	if seen != absent {
		s.cluster.Forget() // What is left is for a start.
	}
	return seen, where, err
}

func (s *step) lookHere(ctx context.Context, primary, at remote.Place, repo int) (backupState, remote.Place, error) {
	// PostgreSQL first: a backup that ends between the two looks is listed.
	sessions, err := s.cluster.CountBackupSessions(ctx, primary)
	if err != nil {
		return absent, at, err
	}
	var info pgbackrest.Info
	// pgBackRest reads the list before the lock, and a backup that ends
	// between those two is in neither: so the list is read again.
	for range 2 {
		if info, err = s.readInfo(ctx, at, repo); err != nil {
			return absent, at, err
		}
		s.showProgress(info)
		switch {
		case len(info.ByAnnotation(repo, vocab.BackupAnnotation, s.Run)) > 0:
			return listed, at, nil
		case sessions > 0 || info.Running:
			return running, at, nil
		}
	}
	// A repo that cannot be read lists nothing, whatever is in it.
	return absent, at, remote.CheckRepo(at, info, repo)
}

// askBeforeBackup asks at once, and in this order, what look and start ask, if they ask the
// same container. While a backup is running, look does not get to its second info.
func (s *step) askBeforeBackup(ctx context.Context, primary, at remote.Place, repo int, waiting bool) {
	info, err := pgbackrest.InfoCommand(vocab.PgBackRestStanza, repo)
	if err != nil || primary != at {
		return
	}
	questions := [][]string{remote.PsqlCommand(remote.BackupSessionsStatement), info}
	if !waiting {
		questions = append(questions, info, pgbackrest.TerminateWorkersCommand())
	}
	s.cluster.Ask(ctx, at, questions...)
}

// lookElsewhere looks for the lock in the other PostgreSQL pods. A backup that has
// lost its primary in a failover continues there until it notices, without a
// session, and from 2.53 on its lock does not keep another pod out. On a repo host
// all backups have one lock.
func (s *step) lookElsewhere(ctx context.Context, at remote.Place, repo int) (backupState, remote.Place, error) {
	if at.Container != cpo.ContainerPostgreSQL {
		return absent, at, nil
	}
	members, err := s.cluster.Members(ctx)
	if err != nil {
		return absent, at, err
	}
	for _, m := range members {
		if m.Place == at || m.Container != at.Container {
			continue
		}
		info, _, err := s.cluster.Info(ctx, m.Place, repo)
		switch {
		case err == nil && info.Running:
			return running, m.Place, nil
		case err == nil:
		case m.Ready && attempt.Of(err).Lost:
			return absent, at, err
		default:
			// A broken pod must not keep the primary from being backed up.
			s.logf("cannot see whether pgBackRest is running in %s: %v", m.Place, err)
		}
	}
	return absent, at, nil
}

// start starts the backup of this run, and returns when it has ended.
func (s *step) start(ctx context.Context, at remote.Place, p precheck.Result) error {
	argv, err := pgbackrest.BackupCommand(pgbackrest.BackupOptions{
		Stanza: vocab.PgBackRestStanza, Repo: p.Repo, Type: s.Backup.Type, StartFast: p.StartFast,
		Annotations: map[string]string{vocab.BackupAnnotation: s.Run},
	})
	if err != nil {
		return attempt.Stop("%v", err)
	}
	// Workers that a dead backup has left here must not write into this one.
	if found, err := s.cluster.Signal(ctx, at, pgbackrest.TerminateWorkersCommand()); found {
		s.logf("ended the workers that another backup left in %s", at)
	} else if err != nil {
		s.logf("%v", err)
	}
	s.cluster.Forget() // From here on the answers are others.
	stopProgress := s.watchProgress(ctx, at, p.Repo)
	defer stopProgress()
	return s.cluster.FollowPgBackRest(ctx, at, argv)
}
