// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
)

// defaultArchiveTimeout is pgBackRest's.
const defaultArchiveTimeout = time.Minute

// ArchiveTimeout returns how long pgBackRest waits for a WAL segment, from the value of
// the option archive-timeout. It returns the default for an empty value, and for one
// that pgBackRest refuses.
func ArchiveTimeout(value string) time.Duration {
	name, err := option.Parse("archive-timeout")
	timeout, ok := option.Duration(value)
	if err != nil || !ok || name.Check(value) != nil {
		return defaultArchiveTimeout
	}
	return timeout
}
