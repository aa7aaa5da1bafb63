// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// readRepos reads every repo from the primary, and which of them lack the stanza.
// Only checkArchiving says what the other repos are worth.
func (p *precheck) readRepos(ctx context.Context) (err error) {
	if p.info, err = p.ReadInfo(ctx, p.primary, pgbackrest.AllRepos); err != nil {
		return err
	}
	p.missing = missingIn(p.info)
	if slices.Contains(p.missing, p.target.Repo) || len(p.info.Repos) == 0 {
		return nil
	}
	return remote.CheckRepo(p.primary, p.info, p.target.Repo)
}

// checkLocations finds a repo that is one by mistake. To pgBackRest an option such
// as repo2-cipher-type is enough: without an option that says where, the repo is
// a directory of the container, and WAL must get there too. A stanza would make
// that permanent.
func (p *precheck) checkLocations(context.Context) error {
	for _, repo := range p.missing {
		var stray *pgbackrest.FileOption
		located := false
		for i, o := range p.primaryOptions {
			if o.Repo != repo || !o.Read() {
				continue
			}
			located = located || slices.Contains([]string{"type", "host", "path"}, o.Name)
			stray = &p.primaryOptions[i]
		}
		if stray != nil && !located {
			return attempt.Stop("repo%d in %s has no location configured, so PostgreSQL would archive into the container's file system: %s is set in %s; remove it from %s, or add repo%d to spec.backup.pgbackrest.repos",
				repo, p.primary, stray, stray.File, p.sourceOf(stray.File), repo)
		}
	}
	return nil
}

// checkNeverHadBackups refuses a repo that held backups and has no stanza now: it
// was emptied, or is another one. A new stanza would look like a fresh start.
func (p *precheck) checkNeverHadBackups(context.Context) error {
	if !p.lacksStanza() {
		return nil
	}
	for _, known := range p.stanza.Status.Repos {
		number, err := cpo.RepoNumber(known.Name)
		lost := len(p.missing) == 0 || slices.Contains(p.missing, number)
		if err != nil || !lost || known.Backups == 0 {
			continue
		}
		target, err := storage.TargetFor(p.postgresql, p.Cluster.Labels, known.Name)
		if err != nil || target.Repository.Location != known.Location {
			continue
		}
		return attempt.Stop("%s held %d backups at %s and has no stanza %s now: see whether its volume or bucket is the right one and was not emptied; to start again on purpose, run pgbackrest stanza-create --stanza=%s in %s",
			known.Name, known.Backups, known.Location, vocab.PgBackRestStanza, vocab.PgBackRestStanza, p.primary)
	}
	return nil
}

// ensureStanza creates the stanza where a repo lacks it, and upgrades it where it is of an
// older PostgreSQL. Each command goes through the repos in their order, and fails at the
// first that needs the other command; so if both are needed, they take turns.
func (p *precheck) ensureStanza(ctx context.Context) error {
	outdated := p.outdated()
	switch {
	case len(outdated) == 0 && !p.lacksStanza():
		return nil
	case len(outdated) == 0:
		return p.createStanza(ctx)
	case !p.lacksStanza():
		return p.upgradeStanza(ctx, outdated)
	}
	var err error
	for range p.info.Repos {
		if err = errors.Join(p.upgradeStanza(ctx, outdated), p.createStanza(ctx)); err == nil {
			return nil
		}
	}
	return err
}

// createStanza creates the stanza if any repo lacks it, as one that was added
// later: until then PostgreSQL can archive to none, and its WAL piles up. That is
// done at the primary, from where pgBackRest reaches every repo.
func (p *precheck) createStanza(ctx context.Context) error {
	argv, err := pgbackrest.StanzaCreateCommand(vocab.PgBackRestStanza)
	if err != nil {
		return attempt.Stop("%v", err)
	}
	p.Logf("stanza %s is missing in %s", vocab.PgBackRestStanza, repoText(p.missing))
	if err := p.Cluster.FollowPgBackRest(ctx, p.primary, argv); err != nil {
		return err
	}
	p.created = true
	return nil
}

// readRepoAtHost reads the repo where its backup is made. The primary may be that
// host, and has read it already.
func (p *precheck) readRepoAtHost(ctx context.Context) (err error) {
	if p.created || p.onRepoHost() {
		if p.info, err = p.ReadInfo(ctx, p.host, p.target.Repo); err != nil {
			return err
		}
	}
	return remote.CheckRepo(p.host, p.info, p.target.Repo)
}

// lacksStanza reports whether any repo lacks the stanza. pgBackRest lists no repo
// if all do.
func (p *precheck) lacksStanza() bool {
	return len(p.missing) > 0 || len(p.info.Repos) == 0 && isMissing(p.info.Status)
}

// missingIn returns the repos that pgBackRest is configured for and that do not
// have the stanza.
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
