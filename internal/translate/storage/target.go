// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"fmt"
	"slices"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
)

// Target says where the commands of a run for one repo are executed.
type Target struct {
	// Repo is the number of the repo.
	Repo int
	// Primary runs PostgreSQL. Its archiving is checked there, and the stanza is
	// created there, because from there pgBackRest reaches every repo.
	Primary Container
	// Host is where the backup is made and verified: the repo host for a storage
	// that is on it, the primary for the others.
	Host Container
	// StartFast makes a backup ask PostgreSQL for a checkpoint at once. It is false
	// only if global says start-fast=n.
	StartFast bool
	// ArchiveTimeout is how long WAL may take into the archive.
	ArchiveTimeout time.Duration
	// Repository is the repo as the resource asks for it.
	Repository Repository
}

// OnRepoHost reports whether the two containers are different ones.
func (t Target) OnRepoHost() bool { return t.Host.Name != t.Primary.Name }

// Container is one container of one pod that has all these labels.
type Container struct {
	// Role of the pod, for messages: primary or repo host.
	Role     string            `json:"role"`
	Selector map[string]string `json:"selector"`
	Name     string            `json:"name"`
}

// TargetFor returns the target for a repo of a cluster whose pods have some labels. The
// error is for the person
// who started the run: the cluster does not have the repo.
func TargetFor(cluster cpo.Postgresql, labels cpo.Labels, repoName string) (Target, error) {
	if _, err := cpo.RepoNumber(repoName); err != nil {
		return Target{}, fmt.Errorf("parameter repo is %q, %w", repoName, err)
	}
	if cluster.PgBackRest == nil {
		return Target{}, fmt.Errorf("postgresql %s/%s has no spec.backup.pgbackrest", cluster.Namespace, cluster.Name)
	}
	index := slices.IndexFunc(cluster.PgBackRest.Repos, func(r cpo.Repo) bool { return r.Name == repoName })
	if index < 0 {
		return Target{}, fmt.Errorf("postgresql %s/%s has no %s in spec.backup.pgbackrest.repos", cluster.Namespace, cluster.Name, repoName)
	}
	repo, _ := RepoAt(cluster.PgBackRest, index) // the name is good
	target := Target{
		Repo:       repo.Number,
		Primary:    Container{Role: "primary", Selector: labels.Primary(cluster.Name), Name: cpo.ContainerPostgreSQL},
		StartFast:  cluster.PgBackRest.Global["start-fast"] != "n",
		Repository: RepositoryOf(cluster, repo),

		ArchiveTimeout: pgbackrest.ArchiveTimeout(cluster.PgBackRest.Global["archive-timeout"]),
	}
	target.Host = target.Primary
	if repo.OnRepoHost() {
		target.Host = Container{Role: "repo host", Selector: labels.RepoHost(cluster.Name), Name: cpo.ContainerRepoHost}
	}
	return target, nil
}
