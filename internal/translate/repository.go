// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// defaultRepoPath is pgBackRest's own.
const defaultRepoPath = "/var/lib/pgbackrest"

var storages = []string{cpo.StorageS3, cpo.StorageAzure, cpo.StorageGCS, cpo.StoragePVC}

// repositoryOf tells what and where a repo is.
func repositoryOf(cluster cpo.Postgresql, r repo) Repository {
	option := func(name string) string {
		key := pgbackrest.RepoOption(r.number, name)
		return printable(key, cluster.PgBackRest.Global[key])
	}
	storage := r.Storage
	if !slices.Contains(storages, storage) {
		storage = "unknown" // A kept schedule runs on, and its report must hold no text of anybody's choice.
	}
	repository := Repository{Name: r.Name, Storage: storage, Cipher: cmp.Or(option("cipher-type"), "none")}
	place, dir := cmp.Or(printable(pgbackrest.RepoOption(r.number, "path"), r.Resource), option(storage+"-bucket"), option(storage+"-container")), cmp.Or(option("path"), defaultRepoPath)
	if r.Storage == cpo.StoragePVC {
		repository.Claim = ClaimName(cluster.Name, r.Name)
		place, dir = repository.Claim, "/"
	}
	repository.Location = storage + "://" + place + strings.TrimSuffix(path.Clean("/"+dir), "/")
	return repository
}

// printable gives nothing for a value that is refused where it stands: it may be
// a credential, or an expression, and a Location goes to reports and the status.
func printable(option, value string) string {
	if holdsExpression(value) || namesUser(value) || pgbackrest.CheckOption(option, value) != nil {
		return ""
	}
	return value
}
