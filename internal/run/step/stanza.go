// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"slices"

	"github.com/cenkalti/backoff/v4"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// stanza returns the info of the repo at its host, and whether the stanza was
// created now. It is created when any repo lacks it, as one that was added
// later: until then PostgreSQL can archive to none, and its WAL piles up. That
// is done at the primary, from where pgBackRest reaches every repo.
func (s *step) stanza(ctx context.Context, w wanted, primary, host remote.Place, options []pgbackrest.FileOption) (pgbackrest.Info, bool, error) {
	repo := w.target.Repo
	info, err := s.info(ctx, primary, pgbackrest.AllRepos)
	if err != nil {
		return info, false, err
	}
	// Of the other repos only check says what they are worth.
	missing := missingIn(info)
	if !slices.Contains(missing, repo) && len(info.Repos) > 0 {
		if err := repoReadable(primary, info, repo); err != nil {
			return info, false, err
		}
	}
	if err := checkPlaces(w, primary, missing, options); err != nil {
		return info, false, err
	}
	created := len(missing) > 0 || len(info.Repos) == 0 && isMissing(info.Status)
	if created {
		if err := s.neverHadBackups(w, primary, missing); err != nil {
			return info, false, err
		}
		argv, err := pgbackrest.StanzaCreateCommand(vocab.PgBackRestStanza)
		if err != nil {
			return info, false, stop("%v", err)
		}
		s.logf("stanza %s is missing in %s", vocab.PgBackRestStanza, repoText(missing))
		if _, err := s.pgBackRest(ctx, primary, argv, s.follow); err != nil {
			return info, false, err
		}
	}
	if created || host != primary {
		if info, err = s.info(ctx, host, repo); err != nil {
			return info, false, err
		}
	}
	return info, created, repoReadable(host, info, repo)
}

// checkPlaces finds a repo that is one by mistake. To pgBackRest an option such
// as repo2-cipher-type is enough: without an option that says where, the repo is
// a directory of the container, and WAL must get there too. A stanza would make
// that so for good.
func checkPlaces(w wanted, at remote.Place, missing []int, options []pgbackrest.FileOption) error {
	for _, repo := range missing {
		var stray *pgbackrest.FileOption
		placed := false
		for i, o := range options {
			if o.Repo != repo || !o.Read() {
				continue
			}
			placed = placed || slices.Contains([]string{"type", "host", "path"}, o.Name)
			stray = &options[i]
		}
		if stray != nil && !placed {
			return stop("repo%d in %s has no place, so that PostgreSQL archives to a directory of the container: %s is set in %s; remove it from %s, or add repo%d to spec.backup.pgbackrest.repos",
				repo, at, stray, stray.File, w.source(stray.File), repo)
		}
	}
	return nil
}

// neverHadBackups: a repo that held backups and has no stanza now was emptied, or
// is another one. A new stanza would make that look like a fresh start.
func (s *step) neverHadBackups(w wanted, primary remote.Place, missing []int) error {
	for _, known := range w.stanza.Status.Repos {
		number, ok := translate.RepoNumber(known.Name)
		lost := len(missing) == 0 || slices.Contains(missing, number)
		if !ok || !lost || known.Backups == 0 || known.Location != w.locations[known.Name] {
			continue
		}
		return stop("%s held %d backups at %s and has no stanza %s now: see whether its volume or bucket is the right one and was not emptied; to start anew on purpose, run pgbackrest stanza-create --stanza=%s in %s",
			known.Name, known.Backups, known.Location, vocab.PgBackRestStanza, vocab.PgBackRestStanza, primary)
	}
	return nil
}

// missingIn are the repos that pgBackRest is configured for and that do not have
// the stanza.
func missingIn(info pgbackrest.Info) []int {
	var missing []int
	for _, r := range info.Repos {
		if isMissing(r.Status) {
			missing = append(missing, r.Key)
		}
	}
	return missing
}

func isMissing(status pgbackrest.Status) bool {
	return status.Code == pgbackrest.StatusMissingStanzaPath || status.Code == pgbackrest.StatusMissingStanzaData
}

func repoText(repos []int) string {
	if len(repos) == 0 {
		return "every repo"
	}
	return "repo " + fmt.Sprint(repos)
}

// repoReadable: info exits 0 for a repository that it cannot read.
func repoReadable(at remote.Place, info pgbackrest.Info, repo int) error {
	r, ok := info.Repo(repo)
	if !ok {
		return stop("pgBackRest in %s does not know repo%d: its configuration is not the one of the postgresql resource; look at the ConfigMap that the pod mounts at /etc/pgbackrest/conf.d", at, repo)
	}
	if r.Status.Code == pgbackrest.StatusOK || r.Status.Code == pgbackrest.StatusNoBackups {
		return nil
	}
	f := failure.DiagnoseStatus(r.Status)
	failure := &Failure{Message: fmt.Sprintf("pgBackRest in %s cannot use repo%d: %s", at, repo, f), Code: f.Code, Stop: f.Class == failure.Stop}
	if failure.Stop {
		return backoff.Permanent(failure)
	}
	return failure
}
