// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkGlobal returns the options of spec.global that may be written, and the
// Problems of all.
func checkGlobal(p *cpo.PgBackRest, repos []storage.Repo) (map[string]string, problem.List) {
	var problems problem.List
	g := global{section: p, repos: repos, good: make(map[string]string, len(p.Global)+24)}
	first := map[string]string{} // the keys of options, by their canonical names
	for _, key := range slices.Sorted(maps.Keys(p.Global)) {
		found, name := checkOption(p, key)
		if other, twice := first[name]; twice && !found.Refuse() {
			found.Add(fieldGlobal+"."+key, vocab.ReasonDuplicateOption, "is the same option as %s, which global sets, too, and pgBackRest refuses both; remove one of them", other)
		}
		first[name] = key
		if written, stray := classifyOption(p, repos, name); stray && !found.Refuse() {
			found.Add(fieldGlobal+"."+key, vocab.ReasonUnknownRepo, "belongs to a repo that is not in repos; a single such option makes pgBackRest archive to a repo on the disk of the pod; add the repo, or remove the option")
		} else if written {
			g.good[key] = p.Global[key]
		}
		problems = append(problems, found...)
	}
	g.drop(problems)
	for _, check := range []func() problem.List{g.conflicts, g.missing} {
		found := check()
		g.drop(found)
		problems = append(problems, found...)
	}
	return g.good, problems
}

// global is the options of global while they are checked against each other.
type global struct {
	section *cpo.PgBackRest
	repos   []storage.Repo
	// good are those that may be written.
	good map[string]string
}

// drop removes the options that are refused. Of a repo that only global describes
// it removes all: without its type, pgBackRest would look for the repo on the disk
// of the pod.
func (g global) drop(problems problem.List) {
	for _, p := range problems.Mistakes() {
		key := strings.TrimPrefix(p.Field, fieldGlobal+".")
		delete(g.good, key)
		name, err := option.Parse(key)
		if err != nil {
			name, _ = option.Meant(key)
		}
		if number := name.Number; number > 0 && !g.isPlanned(number) {
			maps.DeleteFunc(g.good, func(key, _ string) bool {
				other, err := option.Parse(key)
				return err == nil && other.Option.Group() == option.Repo && other.Number == number
			})
		}
	}
}

func (g global) isPlanned(repo int) bool {
	return slices.ContainsFunc(g.repos, func(r storage.Repo) bool { return r.Number == repo })
}

// key is the key of an option in global, false if it is not there.
func (g global) key(name option.Name) (string, bool) {
	for key := range g.good {
		if other, err := option.Parse(key); err == nil && other == name {
			return key, true
		}
	}
	return "", false
}

// conflicts finds the options that pgBackRest refuses because of others. A field of
// a repo has its Problems with its storage.
func (g global) conflicts() problem.List {
	var problems problem.List
	for _, conflict := range storage.AllOptions(g.good, g.repos).Conflicts() {
		if key, ok := g.key(conflict.Name); ok {
			storage.AddConflict(&problems, fieldGlobal+"."+key, conflict)
		}
	}
	return problems
}

const needsInSecret = "needs %s; put it in a file *.conf of a Secret, and name that in configuration.secret"

// missing finds what options of global need. The fields of a repo are checked with
// its storage.
func (g global) missing() problem.List {
	var problems problem.List
	for _, missing := range storage.AllOptions(g.good, g.repos).Missing() {
		key, ok := g.key(missing.Of)
		switch {
		case !ok:
		case !missing.InSecret:
			problems.Add(fieldGlobal+"."+key, vocab.ReasonMissingField, "needs %s, which global does not set", missing.Name)
		case g.section.Secret == "":
			problems.Add(fieldGlobal+"."+key, vocab.ReasonMissingField, needsInSecret, missing.Name)
		}
	}
	return problems
}
