// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// backup makes the backup of this run, unless it is there already. It goes by
// what it sees: a backup that carries this run's annotation is done; one that
// is running, whoever started it, is waited for; only then is one started. So a
// lost exec stream, or a second pod of the same run, never starts a second one.
func (s *step) backup(ctx context.Context) error {
	p, err := s.Workspace.plan()
	if err != nil {
		return err
	}
	var lost error
	for {
		primary, at, err := s.places(ctx, p.Primary, p.Host)
		if err != nil {
			return err
		}
		seen, where, err := s.look(ctx, primary, at, p.Repo)
		switch {
		case err != nil:
			return err
		case seen == listed:
			s.logf("the backup of this run is listed")
			return nil
		case seen == running:
			s.startOver()
		case lost != nil:
			return lost
		default:
			// Between the look and the start another one may have begun, and
			// one whose stream is lost may go on: the next look tells.
			err := s.start(ctx, at, p)
			if err == nil {
				return nil
			}
			switch failure := asFailure(err); {
			case failure.Lost && ctx.Err() == nil:
				s.logf("%v; looking whether it goes on", err)
				lost = err
			case !failure.Wait:
				return err
			}
		}
		if err := s.wait(ctx, s.Poll, "pgBackRest is at work in %s", where); err != nil {
			return err
		}
	}
}

// sight is what look sees.
type sight int

const (
	absent sight = iota
	running
	listed
)

// look asks PostgreSQL for the sessions of backups, wherever they run, and the
// host of the repo for its lock and its list. Before it says absent it also asks
// the other pods for their locks. It returns where something is at work.
func (s *step) look(ctx context.Context, primary, at remote.Place, repo int) (sight, remote.Place, error) {
	// PostgreSQL first: a backup that ends between the two looks is listed.
	var sessionCount int
	if err := s.ask(ctx, primary, sessions, &sessionCount); err != nil {
		return absent, at, err
	}
	var info pgbackrest.Info
	// pgBackRest reads the list before the lock, and a backup that ends
	// between those two is in neither: so the list is read again.
	for range 2 {
		var err error
		if info, err = s.info(ctx, at, repo); err != nil {
			return absent, at, err
		}
		s.showProgress(info)
		switch {
		case len(info.ByAnnotation(repo, vocab.BackupAnnotation, s.Run)) > 0:
			return listed, at, nil
		case sessionCount > 0 || info.Running:
			return running, at, nil
		}
	}
	// A repo that cannot be read lists nothing, whatever is in it.
	if err := repoReadable(at, info, repo); err != nil {
		return absent, at, err
	}
	return s.lookElsewhere(ctx, at, repo)
}

// lookElsewhere looks for the lock in the other PostgreSQL pods. A backup that
// has lost its primary in a failover goes on there until it notices, without a
// session, and from 2.53 on its lock does not keep another pod out. On a repo
// host all backups have one lock.
func (s *step) lookElsewhere(ctx context.Context, at remote.Place, repo int) (sight, remote.Place, error) {
	if at.Container != cpo.ContainerPostgreSQL {
		return absent, at, nil
	}
	members, err := s.members(ctx)
	if err != nil {
		return absent, at, err
	}
	for _, m := range members {
		if m.Place == at || m.Container != at.Container {
			continue
		}
		info, _, err := s.readInfo(ctx, m.Place, repo)
		switch {
		case err == nil && info.Running:
			return running, m.Place, nil
		case err == nil:
		case m.ready && asFailure(err).Lost:
			return absent, at, err
		default:
			// A pod that is not what it should be must not keep the primary
			// from being backed up.
			s.logf("cannot see whether pgBackRest is at work in %s: %v", m.Place, err)
		}
	}
	return absent, at, nil
}

func (s *step) start(ctx context.Context, at remote.Place, p plan) error {
	argv, err := pgbackrest.BackupCommand(pgbackrest.BackupOptions{
		Stanza: vocab.PgBackRestStanza, Repo: p.Repo, Type: s.Type, StartFast: p.StartFast,
		Annotations: map[string]string{vocab.BackupAnnotation: s.Run},
	})
	if err != nil {
		return stop("%v", err)
	}
	// What a dead backup has left here must not write into this one.
	if found, err := s.pkill(ctx, at, pgbackrest.TerminateWorkersCommand()); found {
		s.logf("ended the workers that another backup left in %s", at)
	} else if err != nil {
		s.logf("%v", err)
	}
	stopProgress := s.progress(ctx, at, p.Repo)
	defer stopProgress()
	_, err = s.pgBackRest(ctx, at, argv, s.follow)
	return err
}
