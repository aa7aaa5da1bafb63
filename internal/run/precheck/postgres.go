// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkPostgres finds what keeps PostgreSQL from archiving, as far as its
// settings show it.
func (p *precheck) checkPostgres(ctx context.Context) (err error) {
	if p.postgres, err = p.Cluster.ReadPostgres(ctx, p.primary); err != nil {
		return err
	}
	const command = `set it to pgbackrest --stanza=` + vocab.PgBackRestStanza + ` archive-push "%p"`
	at, postgres := p.primary, p.postgres
	switch {
	case postgres.InRecovery:
		// A failover passes. What stays is a standby or a restore; without a CPO
		// only the pod knows of it.
		return &attempt.Failure{Held: true, Message: fmt.Sprintf(
			"PostgreSQL in %s is in recovery although its pod has the label %s=%s, no backup is made: it is a standby or is being restored, and can be backed up when it is promoted; else correct the label",
			at, p.Cluster.Labels.Role, cpo.RolePrimary)}
	case postgres.ArchiveMode != "on":
		return attempt.Stop("archive_mode is %s in %s, must be on: without the WAL no backup can be restored", postgres.ArchiveMode, at)
	case !postgres.ArchiveCommand:
		return attempt.Stop("archive_command in %s does not run pgbackrest: %s", at, command)
	case postgres.ArchiveStanza != nil && *postgres.ArchiveStanza != vocab.PgBackRestStanza:
		return attempt.Stop("archive_command in %s archives to stanza %s, the backups are in stanza %s: %s", at, *postgres.ArchiveStanza, vocab.PgBackRestStanza, command)
	}
	return nil
}

// checkArchiving proves that WAL gets from the primary into every repo: a backup
// would wait for its own in vain, and PostgreSQL keeps all that one repo lacks.
// Archiving that has failed since the backup was made does not make it worse.
func (p *precheck) checkArchiving(ctx context.Context) error {
	if p.listed || p.OnlyReuse {
		return nil // Step restore-point makes the same check after the restore point.
	}
	checked, err := p.Cluster.Check(ctx, p.primary)
	p.heartbeat = checked.Heartbeat
	return err
}
