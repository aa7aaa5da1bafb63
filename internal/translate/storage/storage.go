// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Storage is a kind of storage of a repo.
type Storage struct {
	// Name is the value of the field storage, and the scheme of a Location.
	Name string
	// OnRepoHost is true if the backups are on a volume of the repo host. The
	// commands of a run are then executed there, otherwise in the primary.
	OnRepoHost bool
	// options that the fields of a repo stand for. A storage on the repo host has
	// none.
	options []option
	// keyTypes are the values that the field keyType accepts.
	keyTypes []string
	// keyType is the option for the type of the key, empty where there is no key.
	keyType string
	// identities are the key types with which the pods use their own identity, and
	// need no key.
	identities []string
	// unused fields are refused: a user who sets one expects it to do something.
	unused []string
	// bucket is the option that names the bucket or the container.
	bucket string
	// inlineKey is the option for a key that stands in the resource itself, empty
	// where the storage takes none from there.
	inlineKey string
	// location returns what holds the backups and the directory in it. Nil where
	// that is the bucket and the path of the repo.
	location func(cluster string, r Repo) (holder, dir string)
	// server returns what holds the bucket or the container, in one spelling. Nil
	// where the location belongs to one cluster.
	server func(settings) string
	// check finds the Problems of a repo with this storage.
	check func(s Storage, cluster cpo.Postgresql, r Repo) problem.List
}

// storages, in the order in which messages list them.
var storages = []Storage{s3, azure, gcs, volume}

// Of returns the storage of a name, false where there is none.
func Of(name string) (Storage, bool) {
	i := slices.IndexFunc(storages, func(s Storage) bool { return s.Name == name })
	if i < 0 {
		return Storage{}, false
	}
	return storages[i], true
}

// Names returns the names of all storages, in the order of messages.
func Names() []string {
	names := make([]string, len(storages))
	for i, s := range storages {
		names[i] = s.Name
	}
	return names
}

// Check finds the Problems of one repo.
func Check(cluster cpo.Postgresql, r Repo) problem.List {
	problems := slices.Concat(checkTexts(r), CheckKnown(r))
	if s, ok := Of(r.Storage); ok {
		problems = append(problems, s.check(s, cluster, r)...)
		problems = append(problems, checkCredential(s, cluster, r)...)
	}
	return problems
}

// CheckKnown refuses an unknown storage.
func CheckKnown(r Repo) problem.List {
	var problems problem.List
	if _, ok := Of(r.Storage); ok {
		return nil
	}
	reason := vocab.ReasonUnsupportedStorage
	if r.Storage == "" {
		reason = vocab.ReasonMissingField
	}
	problems.Add(r.Path+".storage", reason, "must be %s%s", problem.Alternatives(Names()), problem.Not(r.Storage, Names()))
	return problems
}

// InlineKey returns the key that stands in the resource itself, and the option
// that it is. The option is empty where there is no such key.
func InlineKey(r Repo) (option, key string) {
	s, _ := Of(r.Storage)
	if s.inlineKey == "" || r.Key == "" {
		return "", ""
	}
	return r.option(s.inlineKey), r.Key
}
