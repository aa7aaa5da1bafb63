// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"fmt"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// upgradeStanza prepares every repo for PostgreSQL after a major upgrade: until then
// archiving fails with [044], check with [028] and a backup with [051]. CPO's image does the
// same in the background; pgBackRest has it wait for the lock, and does nothing the second
// time. The backup that follows is a full one, because there is none of this version.
//
// Only a newer version than that of the repo is an upgrade. Another database of the same
// version, or of an older one, is a mistake that only a person can judge.
func (p *precheck) upgradeStanza(ctx context.Context, outdated []int) error {
	argv, err := pgbackrest.StanzaUpgradeCommand(vocab.PgBackRestStanza)
	if err != nil {
		return attempt.Stop("%v", err)
	}
	p.Logf("stanza %s in repo %s is of an older version than PostgreSQL %d: upgrading it", vocab.PgBackRestStanza, fmt.Sprint(outdated), p.major())
	if err := p.Cluster.FollowPgBackRest(ctx, p.primary, argv); err != nil {
		return err
	}
	p.upgraded = true
	return nil
}

// outdated returns the repos whose newest database is of an older major version than
// PostgreSQL. What cannot be read is not outdated.
func (p *precheck) outdated() []int {
	var outdated []int
	for _, repo := range p.info.Repos {
		newest, ok := p.info.NewestDatabase(repo.Key)
		if ok && newest.Major() > 0 && newest.Major() < p.major() && !slices.Contains(p.missing, repo.Key) {
			outdated = append(outdated, repo.Key)
		}
	}
	return outdated
}

func (p *precheck) major() int { return p.postgres.Version / 10000 }
