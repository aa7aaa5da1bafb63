// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkPostgres finds what keeps PostgreSQL from archiving, as far as its
// settings tell.
func checkPostgres(at remote.Place, a answer) error {
	const command = `set it to pgbackrest --stanza=` + vocab.PgBackRestStanza + ` archive-push "%p"`
	switch {
	case a.InRecovery:
		// A failover passes. What stays is a standby or a restore, of which only
		// the pod knows where no CPO runs.
		return &Failure{Held: true, Message: fmt.Sprintf(
			"PostgreSQL in %s is in recovery although its pod has the label %s=%s, no backup is made: it is a standby or is being restored, and can be backed up when it is promoted; else correct the label",
			at, cpo.LabelRole, cpo.RolePrimary)}
	case a.ArchiveMode != "on":
		return stop("archive_mode is %s in %s, must be on: without the WAL no backup can be restored", a.ArchiveMode, at)
	case !a.ArchiveCommand:
		return stop("archive_command in %s does not run pgbackrest: %s", at, command)
	case a.ArchiveStanza != nil && *a.ArchiveStanza != vocab.PgBackRestStanza:
		return stop("archive_command in %s archives to stanza %s, the backups are in stanza %s: %s", at, *a.ArchiveStanza, vocab.PgBackRestStanza, command)
	}
	return nil
}

// checkArchiving proves that WAL gets from the primary into every repo: a backup
// would wait for its own in vain, and PostgreSQL keeps all that one repo lacks.
func (s *step) checkArchiving(ctx context.Context, primary remote.Place) error {
	argv, err := pgbackrest.CheckCommand(vocab.PgBackRestStanza)
	if err != nil {
		return stop("%v", err)
	}
	_, err = s.pgBackRest(ctx, primary, argv, s.follow)
	const archiveTimeout = 82
	if failure, ok := errors.AsType[*Failure](err); ok && failure.Code == archiveTimeout {
		// Only PostgreSQL knows which segment, and its log says why.
		failure.Message += s.archiver(ctx, primary)
	}
	return err
}

// archiver is what PostgreSQL says of a failure to archive, if it does.
func (s *step) archiver(ctx context.Context, primary remote.Place) string {
	var a answer
	if err := s.ask(ctx, primary, query, &a); err != nil {
		return ""
	}
	since := a.failedSince()
	if since == nil || a.LastFailedWAL == nil {
		return ""
	}
	return fmt.Sprintf("; PostgreSQL last failed to archive %s at %s", *a.LastFailedWAL, since.UTC().Format(time.RFC3339))
}
