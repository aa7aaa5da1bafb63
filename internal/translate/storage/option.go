// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
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
	options := map[string]string{r.option("type"): s.Name}
	for _, o := range s.options {
		if value := o.value(r); value != "" {
			options[r.option(o.name)] = value
		}
	}
	return options
}

// checkOptions checks the fields that stand for options, alone and against
// spec.global: pgBackRest refuses the same option twice.
func checkOptions(s Storage, cluster cpo.Postgresql, r Repo) problem.List {
	var problems problem.List
	global, secret := cluster.PgBackRest.Global, cluster.PgBackRest.Secret != ""
	if value, set := global[r.option("type")]; set && value != s.Name {
		problems.Add(r.Path+".storage", vocab.ReasonDuplicateOption, setElsewhere, r.option("type"))
	}
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
			problems.Add(field, vocab.ReasonInvalidField, "must be %s for storage %s", problem.Alternatives(s.keyTypes), s.Name)
		default:
			if err := pgbackrest.CheckOption(key, value); err != nil {
				problems.Add(field, vocab.ReasonInvalidOption, "%v", err)
			}
		}
	}
	return problems
}

const setElsewhere = "global sets %s to something else; remove it there"
