// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"maps"
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	pgoption "github.com/stanzaflow/stanzaflow/internal/pgbackrest/option"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// option ties a field of a repo to its pgBackRest option.
type option struct {
	field, name string
	// required in the field or in global.
	required bool
	// inSecret lets an option that is required stand in the Secret of
	// configuration.secret instead.
	inSecret bool
	// isFile is true if the field names a file of that Secret.
	isFile bool
}

// value is what a repo sets an option to. An empty field sets nothing: pgBackRest
// refuses an empty value.
func (o option) value(r Repo) string {
	value := r.text(o.field)
	if o.isFile && value != "" {
		return cpo.ConfigDir + "/" + value
	}
	return value
}

// Options returns the pgBackRest options of a repo in an object store. A repo on
// a volume has none: the repo host sets where it is.
func Options(r Repo) map[string]string {
	s, ok := Of(r.Storage)
	if !ok || s.OnRepoHost {
		return nil
	}
	return s.optionsOf(r)
}

func (s Storage) optionsOf(r Repo) map[string]string {
	options := map[string]string{r.option("type"): s.Name}
	for _, o := range s.options {
		if value := o.value(r); value != "" {
			options[r.option(o.name)] = value
		}
	}
	return options
}

// ReliesOnGlobal reports whether a required field of a repo is empty, so that global
// must have its option.
func (r Repo) ReliesOnGlobal() bool {
	s, _ := Of(r.Storage)
	return slices.ContainsFunc(s.options, func(o option) bool { return o.required && o.value(r) == "" })
}

// AllOptions returns the options that pgBackRest reads of global and of the fields
// of repos. It leaves out those that it would refuse. A repo on the repo host has
// its host, whatever the name of that is: it is not a local one.
func AllOptions(global map[string]string, repos []Repo) pgoption.Set {
	all := pgoption.SetOf(global)
	for _, r := range repos {
		options := Options(r)
		if r.OnRepoHost() {
			options = map[string]string{r.option("host"): "repo-host"}
		}
		maps.Copy(all, pgoption.SetOf(options))
	}
	return all
}

// checkOptions checks the fields that stand for options: alone, against
// spec.global, since pgBackRest refuses the same option twice, and against all
// other options.
func checkOptions(s Storage, cluster cpo.Postgresql, r Repo) problem.List {
	var problems problem.List
	global, secret := cluster.PgBackRest.Global, cluster.PgBackRest.Secret != ""
	if value, set := global[r.option("type")]; set && value != s.Name {
		problems.Add(r.Path+".storage", vocab.ReasonDuplicateOption, setElsewhere, r.option("type"))
	}
	all := pgoption.SetOf(global)
	maps.Copy(all, pgoption.SetOf(s.optionsOf(r)))
	conflicts := all.Conflicts()
	for _, o := range s.options {
		field, key, value := r.Path+"."+o.field, r.option(o.name), o.value(r)
		other, set := global[key]
		switch {
		case value == "" && !set && o.required && (!o.inSecret || !secret):
			problems.Add(field, vocab.ReasonMissingField, "is required for storage %s", s.Name)
		case value == "":
		case set && other != value:
			problems.Add(field, vocab.ReasonDuplicateOption, setElsewhere, key)
		case o.field == fieldKeyType && !slices.Contains(s.keyTypes, value):
			problems.Add(field, vocab.ReasonInvalidField, "must be %s for storage %s%s", problem.Alternatives(s.keyTypes), s.Name, problem.Not(value, s.keyTypes))
		default:
			checkField(&problems, field, key, value)
			for _, conflict := range conflicts {
				if conflict.Name.String() == key && !set {
					AddConflict(&problems, field, conflict)
				}
			}
		}
	}
	return problems
}

// checkField checks the value of a field as pgBackRest reads it. A value that no
// field may hold has its Problem already.
func checkField(problems *problem.List, field, key, value string) {
	if problem.HoldsExpression(value) || problem.NamesUser(value) {
		return
	}
	name, err := pgoption.Parse(key)
	if err == nil {
		err = pgbackrest.CheckOption(key, value)
	}
	if err != nil {
		problems.Add(field, vocab.ReasonInvalidOption, "%v", err)
		return
	}
	CheckValue(problems, field, name, value)
}

// CheckValue checks the value of an option as pgBackRest reads it.
func CheckValue(problems *problem.List, field string, name pgoption.Name, value string) {
	if err := name.Check(value); err != nil {
		not := ""
		if name.Option.Token() {
			not = problem.Not(value, name.Option.Texts())
		}
		problems.Add(field, vocab.ReasonInvalidOption, "%v%s", err, not)
		return
	}
	warnOfRelease(problems, field, name, value)
}

// warnOfRelease warns of a value that not every release of pgBackRest reads as its
// user means it.
func warnOfRelease(problems *problem.List, field string, name pgoption.Name, value string) {
	since := name.Since(value)
	switch {
	case since == "":
	case name.Option.Type == pgoption.Time:
		problems.Warn(field, vocab.ReasonNewerRelease, "has a unit, which needs pgBackRest %s or newer; an older one reads 2m as 2 seconds; write seconds without a unit", since)
	case name.Option.Type == pgoption.URL:
		problems.Warn(field, vocab.ReasonNewerRelease, "begins with http://, which "+needsRelease, since)
	default:
		problems.Warn(field, vocab.ReasonNewerRelease, needsRelease, since)
	}
}

const needsRelease = "needs pgBackRest %s or newer; an older one refuses or ignores it"

// AddConflict reports an option that does not go with the others.
func AddConflict(problems *problem.List, field string, conflict pgoption.Conflict) {
	switch {
	case conflict.Since != "":
		problems.Warn(field, vocab.ReasonNewerRelease, "%s, which "+needsRelease, conflict.Message, conflict.Since)
	case conflict.Until != "":
		problems.Warn(field, vocab.ReasonNewerRelease, "%s, or pgBackRest %s and newer refuse it", conflict.Message, conflict.Until)
	case conflict.Harmless:
		problems.Warn(field, vocab.ReasonIneffectiveOption, "%s", conflict.Message)
	default:
		problems.Add(field, vocab.ReasonInvalidOption, "%s", conflict.Message)
	}
}

const setElsewhere = "global sets %s to something else; remove it there"
