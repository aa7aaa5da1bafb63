// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// optionField ties a field of a repo to its pgBackRest option.
type optionField struct {
	field, option, value string
	// required in the field or in global.
	required bool
}

// fields of a repo in an object store, and the types of keys that it knows.
// Empty fields give no option: pgBackRest refuses an empty value.
func (t *translation) fields(r repo) (fields []optionField, keyTypes []string) {
	switch r.Storage {
	case cpo.StorageS3:
		return s3Fields(r), s3KeyTypes
	case cpo.StorageAzure:
		return azureFields(r, t.in.Cluster.PgBackRest.Secret != ""), azureKeyTypes
	case cpo.StorageGCS:
		return gcsFields(r), gcsKeyTypes
	}
	return nil, nil
}

// repoOptions are the pgBackRest options that the fields of a repo in an object
// store stand for.
func (t *translation) repoOptions(r repo) map[string]string {
	options := map[string]string{pgbackrest.RepoOption(r.number, "type"): r.Storage}
	fields, _ := t.fields(r)
	for _, f := range fields {
		if f.value != "" {
			options[pgbackrest.RepoOption(r.number, f.option)] = f.value
		}
	}
	return options
}

// acceptsOptions checks the option fields of a repo, alone and against
// spec.global: the same option twice is an error to pgBackRest.
func (t *translation) acceptsOptions(r repo) bool {
	ok := true
	refuse := func(field, reason, format string, args ...any) {
		t.problem(r.path+"."+field, reason, format, args...)
		ok = false
	}
	global := t.in.Cluster.PgBackRest.Global
	if value, set := global[pgbackrest.RepoOption(r.number, "type")]; set && value != r.Storage {
		refuse("storage", vocab.ReasonDuplicateOption, "global sets %s to something else; remove it there", pgbackrest.RepoOption(r.number, "type"))
	}
	fields, keyTypes := t.fields(r)
	for _, f := range fields {
		key := pgbackrest.RepoOption(r.number, f.option)
		value, set := global[key]
		switch {
		case f.value == "" && !set && f.required:
			refuse(f.field, vocab.ReasonMissingField, "is required for storage %s", r.Storage)
		case f.value == "":
		case set && value != f.value:
			refuse(f.field, vocab.ReasonDuplicateOption, "global sets %s to something else; remove it there", key)
		case f.field == fieldKeyType && !slices.Contains(keyTypes, f.value):
			refuse(f.field, vocab.ReasonInvalidField, "must be %s for storage %s", alternatives(keyTypes), r.Storage)
		default:
			if err := pgbackrest.CheckOption(key, f.value); err != nil {
				refuse(f.field, vocab.ReasonInvalidOption, "%v", err)
			}
		}
	}
	return ok
}

// refusesUnused refuses the fields that a storage has no use for: who sets one
// expects it to do something.
func (t *translation) refusesUnused(r repo, unused ...string) bool {
	refused := false
	for _, f := range r.texts() {
		if f.value != "" && slices.Contains(unused, f.field) {
			t.problem(r.path+"."+f.field, vocab.ReasonInvalidField, "is not used for storage %s; remove it", r.Storage)
			refused = true
		}
	}
	return refused
}

// alternatives lists words: a, b or c.
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
