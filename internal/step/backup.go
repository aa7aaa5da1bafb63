// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
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
	for waited := time.Duration(0); ; waited += s.Poll {
		at, err := s.place(ctx, p.Selector, p.Container)
		if err != nil {
			return err
		}
		seen, err := s.look(ctx, at, p.Repo)
		switch {
		case err != nil:
			return err
		case seen == listed:
			s.logf("the backup of this run is listed")
			return nil
		case seen == absent:
			// Between the look and the start another one may have begun.
			if err := s.start(ctx, at, p); err == nil || !asFailure(err).Wait {
				return err
			}
		}
		if waited%time.Minute == 0 {
			s.logf("a pgBackRest backup is running in %s, waiting for it", at)
		}
		if err := s.sleep(ctx, s.Poll); err != nil {
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

func (s *step) look(ctx context.Context, at Place, repo int) (sight, error) {
	// PostgreSQL first: a backup that ends between the two looks is listed.
	postgres, err := s.ask(ctx, at)
	if err != nil {
		return absent, err
	}
	info, err := s.info(ctx, at)
	if err != nil {
		return absent, err
	}
	switch {
	case len(info.ByAnnotation(repo, vocab.BackupAnnotation, s.Run)) > 0:
		return listed, nil
	case postgres.Backups > 0 || info.Running:
		return running, nil
	default:
		return absent, nil
	}
}

func (s *step) start(ctx context.Context, at Place, p plan) error {
	argv, err := pgbackrest.BackupCommand(pgbackrest.BackupOptions{
		Stanza: vocab.PgBackRestStanza, Repo: p.Repo, Type: s.Type, StartFast: p.StartFast,
		Annotations: map[string]string{vocab.BackupAnnotation: s.Run},
	})
	if err != nil {
		return stop("%v", err)
	}
	stopProgress := s.progress(ctx, at)
	defer stopProgress()
	_, err = s.pgBackRest(ctx, at, argv, s.follow)
	return err
}
