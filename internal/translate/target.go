// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Target is where the pgBackRest commands of a repo run.
type Target struct {
	// Selector finds the pod by its labels.
	Selector map[string]string
	// Container in that pod.
	Container string
	// Repo is the number of the repo.
	Repo int
	// StartFast: backups ask PostgreSQL for a checkpoint at once. Off only
	// where global says start-fast=n.
	StartFast bool
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
		if r.Storage != cpo.StorageS3 {
			return Target{}, fmt.Errorf("%s of postgresql %s/%s has storage %q, which is not supported yet", repoName, cluster.Namespace, cluster.Name, r.Storage)
		}
		return Target{
			Selector:  cpo.PrimarySelector(cluster.Name),
			Container: cpo.ContainerPostgreSQL,
			Repo:      number,
			StartFast: cluster.PgBackRest.Global["start-fast"] != "n",
		}, nil
	}
	return Target{}, fmt.Errorf("postgresql %s/%s has no %s in spec.backup.pgbackrest.repos", cluster.Namespace, cluster.Name, repoName)
}
