// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"slices"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Claimant is a cluster that asks for locations of backups.
type Claimant struct {
	Cluster cpo.Postgresql
	// Created is when the postgresql was created, zero for a file that no API
	// server has seen.
	Created time.Time
	// Known is status.repos of its Stanza.
	Known []stanzaflowv1alpha1.RepoStatus
}

func (c Claimant) name() string { return c.Cluster.Namespace + "/" + c.Cluster.Name }

// LocationKeys returns the locations that a cluster writes to, in one spelling,
// each once. A standby cluster writes to none: it reads the WAL of the cluster that
// it follows, from the same location.
func LocationKeys(cluster cpo.Postgresql) []string {
	var keys []string
	for _, l := range repoLocations(cluster) {
		keys = append(keys, l.key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// repoLocation is a repo that writes to a location.
type repoLocation struct {
	repo storage.Repo
	key  string
}

func repoLocations(cluster cpo.Postgresql) []repoLocation {
	if cluster.PgBackRest == nil || cluster.Operation.Standby {
		return nil
	}
	var locations []repoLocation
	for i := range cluster.PgBackRest.Repos {
		r, err := storage.RepoAt(cluster.PgBackRest, i)
		if key := storage.LocationKey(cluster, r); err == nil && key != "" {
			locations = append(locations, repoLocation{r, key})
		}
	}
	return locations
}

// TakenLocations returns which of the locations of a cluster another one had
// first: the key, and the namespace and name of that cluster. Each location belongs
// to the cluster that has proven backups there, else to the elder one. Of two that
// were created in the same second, the order of the names decides.
func TakenLocations(claimant Claimant, others []Claimant) map[string]string {
	taken := map[string]string{}
	for _, key := range LocationKeys(claimant.Cluster) {
		first := claimant
		for _, other := range others {
			if slices.Contains(LocationKeys(other.Cluster), key) && before(other, first, key) {
				first = other
			}
		}
		if first.name() != claimant.name() {
			taken[key] = first.name()
		}
	}
	return taken
}

// before reports whether a cluster had a location before another.
func before(a, b Claimant, key string) bool {
	if proven := a.hasBackupsIn(key); proven != b.hasBackupsIn(key) {
		return proven
	}
	if a.Created.IsZero() != b.Created.IsZero() {
		return b.Created.IsZero()
	}
	return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.name(), b.name())) < 0
}

func (c Claimant) hasBackupsIn(key string) bool {
	return slices.ContainsFunc(repoLocations(c.Cluster), func(l repoLocation) bool {
		return l.key == key && hasBackups(c.Known, storage.RepositoryOf(c.Cluster, l.repo))
	})
}

// hasBackups reports whether a run has proven a backup of a repo where the resource
// says that it is.
func hasBackups(known []stanzaflowv1alpha1.RepoStatus, repository storage.Repository) bool {
	return slices.ContainsFunc(known, func(k stanzaflowv1alpha1.RepoStatus) bool {
		return k.Name == repository.Name && k.Location == repository.Location && k.LastBackup != nil
	})
}

// checkLocation refuses a repo in a location that another cluster has, or another
// repo of this one.
func checkLocation(in Input, r storage.Repo) problem.List {
	var problems problem.List
	locations := repoLocations(in.Cluster)
	at := slices.IndexFunc(locations, func(l repoLocation) bool { return l.repo.Index == r.Index })
	if at < 0 {
		return nil
	}
	refuse := func(owner string) {
		problems.Add(r.Path+".resource", vocab.ReasonLocationInUse,
			"leads to %s, which belongs to %s; a location can hold the backups of one repo of one cluster; set another %s in global, or use another bucket",
			short(storage.RepositoryOf(in.Cluster, r).Location), owner, pgbackrest.RepoOption(r.Number, "path"))
	}
	if owner := in.Taken[locations[at].key]; owner != "" {
		refuse("postgresql " + owner)
		return problems
	}
	for _, other := range locations {
		if other.key == locations[at].key && other.repo.Number != r.Number && ownerBefore(in, other.repo, r) {
			refuse(other.repo.Name)
			break
		}
	}
	return problems
}

// ownerBefore reports whether a repo had a location before another repo of the
// cluster: it has backups there, or else the lower number.
func ownerBefore(in Input, a, b storage.Repo) bool {
	proven := hasBackups(in.Known, storage.RepositoryOf(in.Cluster, a))
	if proven != hasBackups(in.Known, storage.RepositoryOf(in.Cluster, b)) {
		return proven
	}
	return a.Number < b.Number
}

// warnOfMoves warns of the repos that leave a location with backups. The stanza in
// the new one is made by the next run, which may be days away.
func warnOfMoves(in Input, repos []storage.Repo) problem.List {
	var problems problem.List
	for _, r := range repos {
		to := storage.RepositoryOf(in.Cluster, r)
		from := previousLocation(in.Known, to)
		if from == "" {
			continue
		}
		problems.Warn(r.Path, vocab.ReasonLocationChanged,
			"leads to %s now, and its backups are in %s; PostgreSQL cannot archive until a run has created the stanza, so start one: argo submit -n %s --from workflowtemplate/%s -p cluster=%s -p repo=%s -p type=full",
			short(to.Location), short(from), in.Cluster.Namespace, workflow.TemplateName(in.Stanza), in.Cluster.Name, r.Name)
	}
	return problems
}

// previousLocation is where the backups of a repo are if it has moved and no run has
// proven one in the new location, empty otherwise.
func previousLocation(known []stanzaflowv1alpha1.RepoStatus, to storage.Repository) string {
	for _, k := range known {
		switch {
		case k.Name != to.Name:
		case k.Location == to.Location && k.LastBackup != nil, k.PreviousLocation == to.Location:
			return ""
		case k.Location != to.Location && k.LastBackup != nil:
			return k.Location
		default:
			return k.PreviousLocation
		}
	}
	return ""
}

// short is a location for a message of one line.
func short(location string) string {
	const longest = 80
	if len(location) > longest {
		return "another location"
	}
	return location
}
