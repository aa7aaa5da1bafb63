// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"slices"
	"strconv"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Repo is an entry of repos.
type Repo struct {
	cpo.Repo
	// Number is the number that pgBackRest gives the repo.
	Number int
	// Index is the position in the list.
	Index int
	// Path is the field of the entry: spec.backup.pgbackrest.repos[0].
	Path string
}

// RepoAt returns the entry at a position of the list. The error says which names
// a repo may have.
func RepoAt(p *cpo.PgBackRest, index int) (Repo, error) {
	entry := p.Repos[index]
	number, err := cpo.RepoNumber(entry.Name)
	return Repo{Repo: entry, Number: number, Index: index, Path: cpo.RepoField(index)}, err
}

// option is the name of an option of this repo.
func (r Repo) option(name string) string { return pgbackrest.RepoOption(r.Number, name) }

// OnRepoHost reports whether the repo is on a volume of the repo host.
func (r Repo) OnRepoHost() bool { return onRepoHost(r.Repo) }

func onRepoHost(r cpo.Repo) bool {
	s, _ := Of(r.Storage)
	return s.OnRepoHost
}

// OnRepoHost returns the repos that are on volumes of the repo host.
func OnRepoHost(repos []Repo) []Repo {
	return slices.DeleteFunc(slices.Clone(repos), func(r Repo) bool { return !r.OnRepoHost() })
}

// UsesRepoHost reports whether a cluster has a repo on a volume of the repo host.
func UsesRepoHost(p *cpo.PgBackRest) bool {
	return p != nil && slices.ContainsFunc(p.Repos, onRepoHost)
}

// Fields of a repo that hold a text and can stand for an option.
const (
	fieldResource = "resource"
	fieldEndpoint = "endpoint"
	fieldRegion   = "region"
	fieldAccount  = "account"
	fieldKey      = "key"
	fieldKeyType  = "keyType"
)

var textFields = []string{fieldResource, fieldEndpoint, fieldRegion, fieldAccount, fieldKey, fieldKeyType}

// text returns the value of one of those fields.
func (r Repo) text(field string) string {
	switch field {
	case fieldResource:
		return r.Resource
	case fieldEndpoint:
		return r.Endpoint
	case fieldRegion:
		return r.Region
	case fieldAccount:
		return r.Account
	case fieldKey:
		return r.Key
	case fieldKeyType:
		return r.KeyType
	}
	return ""
}

// checkTexts refuses what is wrong in every field, whatever the storage.
func checkTexts(r Repo) problem.List {
	var problems problem.List
	for _, field := range textFields {
		path, value := r.Path+"."+field, r.text(field)
		if problems.CheckExpression(path, value) && problem.NamesUser(value) {
			problems.Add(path, vocab.ReasonInvalidField, "must not hold a user or a password before an @; put credentials in the Secret named in configuration.secret")
		}
	}
	return problems
}

// checkUnused refuses the fields that a storage does not use.
func checkUnused(s Storage, r Repo) problem.List {
	var problems problem.List
	for _, field := range s.unused {
		if r.text(field) != "" {
			problems.Add(r.Path+"."+field, vocab.ReasonInvalidField, "is not used for storage %s; remove it", s.Name)
		}
	}
	return problems
}

// OptionRepo returns the number of the repo that a pgBackRest option belongs to.
// pgBackRest knows more of them than CPO.
func OptionRepo(option string) (int, bool) {
	name, _, _ := strings.Cut(option, "-")
	digits, ok := strings.CutPrefix(name, "repo")
	if !ok || digits == "" || digits[0] == '0' {
		return 0, false
	}
	number, err := strconv.Atoi(digits)
	return number, err == nil && number > 0
}
