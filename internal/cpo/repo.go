// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Section is the path of the pgBackRest section in a postgresql resource.
const Section = "spec.backup.pgbackrest"

// RepoField returns the path of an entry of repos.
func RepoField(index int) string { return fmt.Sprintf("%s.repos[%d]", Section, index) }

// MaxRepo is the highest number of a repo. pgBackRest knows more of them.
const MaxRepo = 4

// RepoName returns the name of the repo with a number: repo1 for 1.
func RepoName(number int) string { return "repo" + strconv.Itoa(number) }

// RepoNumber returns the number that pgBackRest gives a repo: 1 for repo1. It
// comes from the name, never from the position in the list. The error says which
// names there are.
func RepoNumber(name string) (int, error) {
	digit, ok := strings.CutPrefix(name, "repo")
	if !ok || len(digit) != 1 || digit[0] < '1' || digit[0] > '0'+MaxRepo {
		return 0, errors.New("must be repo1, repo2, repo3 or repo4")
	}
	return int(digit[0] - '0'), nil
}

// Asks reports whether a repo has a schedule for a backup type, with whatever
// expression: to CPO an empty one is a schedule, too.
func (p *PgBackRest) Asks(repo, backupType string) bool {
	return slices.ContainsFunc(p.Repos, func(r Repo) bool {
		_, asked := r.Schedule[backupType]
		return asked && r.Name == repo
	})
}
