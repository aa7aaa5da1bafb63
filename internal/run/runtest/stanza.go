// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"fmt"
	"strconv"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// Database is one of the repo. A backup without a DatabaseID is of the first.
type Database struct {
	ID       int
	Version  string
	SystemID string
}

// AfterUpgrade has PostgreSQL be the next major version, as pg_upgrade leaves it: a new
// database, of which the repo knows nothing.
func (w *World) AfterUpgrade() {
	w.Postgres["version"], w.Postgres["systemId"] = 170002, "7710999999999999999"
}

// upgradeStanza has the repo know the PostgreSQL that runs. It ends at a repo without the
// stanza.
func (w *World) upgradeStanza(c Call) error {
	const missing = "ERROR: [055]: unable to load info file '/archive/db/archive.info' or '/archive/db/archive.info.copy':"
	if !w.StanzaExists {
		return c.fail(55, missing)
	}
	version, _ := w.Postgres["version"].(int)
	system, _ := w.Postgres["systemId"].(string)
	last := w.Databases[len(w.Databases)-1]
	if last.SystemID != system {
		w.Databases = append(w.Databases, Database{ID: last.ID + 1, Version: strconv.Itoa(version / 10000), SystemID: system})
	}
	for _, status := range w.Others {
		if status == MissingStanza {
			return c.fail(55, missing)
		}
	}
	return c.Print("P00   INFO: stanza-upgrade for stanza 'db' on repo1\n")
}

// mismatch is what pgBackRest says if the repo is prepared for another PostgreSQL.
const mismatch = "ERROR: [028]: backup and archive info files exist but do not match the database\n       HINT: is this the correct stanza?\n       HINT: did an error occur during stanza-upgrade?"

// matches reports whether the repo is prepared for the PostgreSQL that runs.
func (w *World) matches() bool {
	return w.Databases[len(w.Databases)-1].SystemID == w.Postgres["systemId"]
}

// archive is the ID of the archive of a database.
func (d Database) archive() string { return fmt.Sprintf("%s-%d", d.Version, d.ID) }

// createStanza creates the stanza where a repo lacks it. It ends at a repo with that of
// another PostgreSQL.
func (w *World) createStanza(c Call) error {
	if w.StanzaExists && !w.matches() {
		return c.fail(28, mismatch)
	}
	w.StanzaExists = true
	for repo, status := range w.Others {
		if status == MissingStanza {
			w.Others[repo] = pgbackrest.Status{Code: pgbackrest.StatusNoBackups, Message: "no valid backups"}
		}
	}
	return c.Print("P00   INFO: stanza-create for stanza 'db' on repo1\n")
}
