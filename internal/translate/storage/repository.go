// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"cmp"
	"path"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
)

// Repository is a repo as the resource asks for it.
type Repository struct {
	// Name is repo1 to repo4.
	Name string
	// Storage is the name of a Storage, or unknown.
	Storage string
	// Location is where the backups are, in one line: s3://bucket/path,
	// azure://container/path, gcs://bucket/path, pvc://claim.
	Location string
	// Cipher is pgbackrest.CipherNone or CipherAES256CBC.
	Cipher string
	// Claim is the name of the PersistentVolumeClaim of storage pvc.
	Claim string
}

// defaultRepoPath is pgBackRest's own.
const defaultRepoPath = "/var/lib/pgbackrest"

// RepositoryOf returns what a repo is and where. A kept schedule continues to run
// with an unknown storage; its report must not repeat the user's text.
func RepositoryOf(cluster cpo.Postgresql, r Repo) Repository {
	global := func(name string) string {
		return printable(r.option(name), cluster.PgBackRest.Global[r.option(name)])
	}
	s, ok := Of(r.Storage)
	if !ok {
		s.Name = "unknown"
	}
	repository := Repository{Name: r.Name, Storage: s.Name, Cipher: cmp.Or(global("cipher-type"), pgbackrest.CipherNone)}
	holder, dir := printable(r.option("path"), r.Resource), cmp.Or(global("path"), defaultRepoPath)
	if holder == "" && s.bucket != "" {
		holder = global(s.bucket)
	}
	if s.location != nil {
		holder, dir = s.location(cluster.Name, r)
	}
	if s.OnRepoHost {
		repository.Claim = manifest.ClaimName(cluster.Name, r.Name)
	}
	repository.Location = s.Name + "://" + holder + strings.TrimSuffix(path.Clean("/"+dir), "/")
	return repository
}

// printable returns nothing for a value that is refused in its own field: it may
// be a credential or an expression, and a Location goes to reports and the status.
func printable(option, value string) string {
	if problem.HoldsExpression(value) || problem.NamesUser(value) || pgbackrest.CheckOption(option, value) != nil {
		return ""
	}
	return value
}
