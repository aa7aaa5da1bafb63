// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
)

// CheckFirst returns an error of one line if a gate that Check accepts cannot be
// evaluated for the first run of a repo, when there is no backup yet. Such a gate
// would never let a first backup through. A gate that is false then is no error: a
// later run may find it true. The answer does not depend on the clock.
func CheckFirst(expression string, run Run) error {
	if expression == "" {
		return nil
	}
	_, err := open(expression, firstFacts(run), expr.DisableBuiltin("now"), noon)
	if err == nil {
		return nil
	}
	what := strings.TrimPrefix(err.Error(), "cannot be evaluated: ")
	return fmt.Errorf("fails while there is no backup yet: %s; %s", what, testForNil(expression))
}

// noon is the function now of a gate while CheckFirst evaluates it.
var noon = expr.Function("now", func(...any) (any, error) {
	return time.Date(2026, time.January, 7, 12, 0, 0, 0, time.UTC), nil
}, new(func() time.Time))

// firstFacts are what precheck finds for the first run of a repo.
func firstFacts(run Run) Facts {
	const gigabyte = 1 << 30
	return Facts{
		Run:        run,
		Postgres:   Postgres{Pod: run.Cluster + "-0", Version: 170006, SystemID: "7577000000000000000", DatabaseBytes: gigabyte, WALSegmentBytes: 16 << 20},
		PgBackRest: PgBackRest{Version: "2.55.1", StanzaCreated: true},
		Archive:    Archive{Mode: "on"},
		Repo:       Repo{Number: 1, Storage: "s3", Location: "s3://bucket/path", Cipher: "none"},
	}
}

// absent matches the facts that are nil until there is a backup, or an archived
// segment, or a failure.
var absent = regexp.MustCompile(`\b(last(Backup|Full|Diff|Incr)|archive\??\.(lastArchived|failedSince))\b`)

// testForNil says what to test first.
func testForNil(expression string) string {
	names := absent.FindAllString(expression, -1)
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return "docs/gate.md lists the facts"
	}
	return "test " + strings.Join(names, " == nil and ") + " == nil first"
}
