// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
)

// Verification is what pgbackrest verify found.
type Verification struct {
	// OK is its status. It includes backups that nobody asked about: up to 2.54
	// verify ignores --set and reads the whole repository.
	OK bool
	// Archives by ID, and Backups by label.
	Archives, Backups map[string]Checked
	// Broken are the first files that are wrong. Missing WAL is counted, but not
	// among them.
	Broken []BrokenFile
	// Remarks are lines of the result that say something else, such as that a
	// backup does not exist.
	Remarks []string
}

// Checked is the result for the WAL of an archive or the files of a backup. The
// files of a backup are also those that lie in the backups it refers to.
type Checked struct {
	// Status of a backup, VerifyValid if all is well. An archive has none.
	Status                         string
	Total, Valid                   int
	Missing, Checksum, Size, Other int
}

// States of a backup for pgbackrest verify.
const (
	VerifyValid           = "valid"
	VerifyManifestMissing = "manifest missing"
)

// BrokenFile is a file of the repository. Failure is why it could not be read,
// zero if it could.
type BrokenFile struct {
	Path    string
	Failure failure.Diagnosis
}

// valid reports whether a backup is whole.
func (c Checked) valid() bool { return c.Status == VerifyValid && c.whole() }

// whole reports whether something was read, and all of it is right.
func (c Checked) whole() bool {
	return c.Total > 0 && c.Valid == c.Total && !c.broken() && c.Other == 0
}

func (c Checked) broken() bool { return c.Missing+c.Checksum+c.Size > 0 }

// loss says what is wrong, as in "of 970 files 1 missing, 2 with a wrong checksum".
func (c Checked) loss(things string) string {
	switch {
	case c.Status == VerifyManifestMissing:
		return "its manifest missing"
	case c.Total == 0:
		return "no manifest that it can read"
	}
	var kinds []string
	for _, kind := range []struct {
		count int
		text  string
	}{{c.Missing, "missing"}, {c.Checksum, "with a wrong checksum"}, {c.Size, "of a wrong size"}, {c.Other, "that cannot be read"}} {
		if kind.count > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", kind.count, kind.text))
		}
	}
	if len(kinds) == 0 {
		kinds = []string{fmt.Sprintf("%d valid", c.Valid)}
	}
	return fmt.Sprintf("of %d %s %s", c.Total, things, strings.Join(kinds, ", "))
}
