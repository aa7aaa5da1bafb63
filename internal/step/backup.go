// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
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
	var told time.Time
	var lost error
	for {
		primary, at, err := s.places(ctx, p.Primary, p.Host)
		if err != nil {
			return err
		}
		seen, err := s.look(ctx, primary, at, p.Repo)
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
			case failure.Lost:
				s.logf("%v; looking whether it goes on", err)
				lost = err
			case !failure.Wait:
				return err
			}
		}
		if now := s.Clock.Now(); now.Sub(told) >= time.Minute {
			s.logf("waiting: pgBackRest is at work in %s", at)
			told = now
		}
		if err := s.sleep(ctx, s.Poll); err != nil {
			return fmt.Errorf("a pgBackRest backup may go on in %s: %w", at, err)
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
// host of the repo for its lock and its list.
func (s *step) look(ctx context.Context, primary, at Place, repo int) (sight, error) {
	// PostgreSQL first: a backup that ends between the two looks is listed.
	var sessionCount int
	if err := s.ask(ctx, primary, sessions, &sessionCount); err != nil {
		return absent, err
	}
	var info pgbackrest.Info
	// pgBackRest reads the list before the lock, and a backup that ends
	// between those two is in neither: so the list is read again.
	for range 2 {
		var err error
		if info, err = s.info(ctx, at, repo); err != nil {
			return absent, err
		}
		s.showProgress(info)
		switch {
		case len(info.ByAnnotation(repo, vocab.BackupAnnotation, s.Run)) > 0:
			return listed, nil
		case sessionCount > 0 || info.Running:
			return running, nil
		}
	}
	// A repo that cannot be read lists nothing, whatever is in it.
	return absent, repoReadable(at, info, repo)
}

func (s *step) start(ctx context.Context, at Place, p plan) error {
	argv, err := pgbackrest.BackupCommand(pgbackrest.BackupOptions{
		Stanza: vocab.PgBackRestStanza, Repo: p.Repo, Type: s.Type, StartFast: p.StartFast,
		Annotations: map[string]string{vocab.BackupAnnotation: s.Run},
	})
	if err != nil {
		return stop("%v", err)
	}
	stopProgress := s.progress(ctx, at, p.Repo)
	defer stopProgress()
	_, err = s.pgBackRest(ctx, at, argv, s.follow)
	return err
}
