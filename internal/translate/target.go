// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Target is where the commands of a run for one repo are executed.
type Target struct {
	// Repo is the number of the repo.
	Repo int
	// Primary is where PostgreSQL is asked, where its archiving is checked and
	// where the stanza is created: from there pgBackRest reaches every repo.
	Primary Container
	// Host is where the backup is made and looked at: the repo host for storage
	// pvc, the primary for the others.
	Host Container
	// StartFast: backups ask PostgreSQL for a checkpoint at once. Off only
	// where global says start-fast=n.
	StartFast bool
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

// TargetFor finds the target for a repo of a cluster. The error is for a person:
// the run was started for a repo that the cluster does not have.
func TargetFor(cluster cpo.Postgresql, repoName string) (Target, error) {
	number, ok := RepoNumber(repoName)
	if !ok {
		return Target{}, fmt.Errorf("parameter repo is %q, must be repo1, repo2, repo3 or repo4", repoName)
	}
	if cluster.PgBackRest == nil {
		return Target{}, fmt.Errorf("postgresql %s/%s has no spec.backup.pgbackrest", cluster.Namespace, cluster.Name)
	}
	for _, r := range cluster.PgBackRest.Repos {
		if r.Name != repoName {
			continue
		}
		target := Target{
			Repo:       number,
			Primary:    Container{Role: "primary", Selector: cpo.PrimarySelector(cluster.Name), Name: cpo.ContainerPostgreSQL},
			StartFast:  cluster.PgBackRest.Global["start-fast"] != "n",
			Repository: repositoryOf(cluster, repo{Repo: r, number: number}),
		}
		target.Host = target.Primary
		if r.Storage == cpo.StoragePVC {
			target.Host = Container{Role: "repo host", Selector: cpo.RepoHostSelector(cluster.Name), Name: cpo.ContainerRepoHost}
		}
		return target, nil
	}
	return Target{}, fmt.Errorf("postgresql %s/%s has no %s in spec.backup.pgbackrest.repos", cluster.Namespace, cluster.Name, repoName)
}
