// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/proof"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
)

// archiveTimeout is the exit code of pgBackRest if WAL is not in the archive in time.
const archiveTimeout = 82

var segmentNotArchived = regexp.MustCompile(`WAL segment ([0-9A-F]{24}) was not archived`)

// ExplainArchiveTimeout adds to such a Failure what PostgreSQL says of its archiving.
// Only PostgreSQL knows, and its log says why. It returns other errors unchanged.
func (c *Cluster) ExplainArchiveTimeout(ctx context.Context, primary Place, err error) error {
	failure, ok := errors.AsType[*attempt.Failure](err)
	if !ok || failure.Code != archiveTimeout {
		return err
	}
	if postgres, unknown := c.ReadPostgres(ctx, primary); unknown == nil {
		failure.Message += postgres.explainArchiving(failure.Message)
	}
	return err
}

// explainArchiving says what became of the segment that pgBackRest misses, or which
// segment PostgreSQL failed to archive.
func (p Postgres) explainArchiving(message string) string {
	missed := segmentNotArchived.FindStringSubmatch(message)
	if missed != nil && p.LastArchivedWAL != nil && proof.HasArchived(*p.LastArchivedWAL, missed[1]) {
		return "; PostgreSQL reports it as archived: archive_command did not pass it to pgBackRest, or archive-push-queue-max dropped it"
	}
	since := p.FailedSince()
	if since == nil || p.LastFailedWAL == nil {
		return ""
	}
	return fmt.Sprintf("; PostgreSQL last failed to archive %s at %s", *p.LastFailedWAL, since.UTC().Format(time.RFC3339))
}
