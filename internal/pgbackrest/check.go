// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"regexp"
	"strconv"
)

// CheckedSegment is the WAL segment that CheckCommand has seen in a repository.
type CheckedSegment struct {
	// Name of the segment, and the ID of the archive that holds it.
	Name, ArchiveID string
}

// checkedSegment is a line of the log, the same from 2.45 to 2.55.1.
var checkedSegment = regexp.MustCompile(`WAL segment ([0-9A-F]{24}) successfully archived to '[^']*/archive/[^/']+/([^/']+)/[0-9A-F]{16}/[^/']+' on repo([0-9]+)`)

// ParseCheck reads in the output of CheckCommand which segment it has seen in which
// repository, by its number. A repository that is not there was not seen.
func ParseCheck(stdout []byte) map[int]CheckedSegment {
	seen := map[int]CheckedSegment{}
	for _, match := range checkedSegment.FindAllSubmatch(stdout, -1) {
		if repo, err := strconv.Atoi(string(match[3])); err == nil {
			seen[repo] = CheckedSegment{Name: string(match[1]), ArchiveID: string(match[2])}
		}
	}
	return seen
}
