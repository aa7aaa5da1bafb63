// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo_test

import (
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

func TestRepoNumber(t *testing.T) {
	t.Parallel()
	for number := 1; number <= 4; number++ {
		if got, err := cpo.RepoNumber(cpo.RepoName(number)); got != number || err != nil {
			t.Errorf("%s is number %d: %v", cpo.RepoName(number), got, err)
		}
	}
	for _, name := range []string{"", "repo", "repo0", "repo5", "repo01", "repo11", "Repo1", "1", " repo1"} {
		if got, err := cpo.RepoNumber(name); err == nil || got != 0 {
			t.Errorf("%q is number %d", name, got)
		}
	}
}

func TestCheckBackupType(t *testing.T) {
	t.Parallel()
	for _, backupType := range cpo.BackupTypes {
		if err := cpo.CheckBackupType(backupType); err != nil {
			t.Errorf("%s: %v", backupType, err)
		}
	}
	for _, backupType := range []string{"", "Full", "weekly"} {
		if err := cpo.CheckBackupType(backupType); err == nil || err.Error() != "must be full, diff or incr" {
			t.Errorf("%q: %v", backupType, err)
		}
	}
}

func TestCronJobName(t *testing.T) {
	t.Parallel()
	// Of internal/cpo/cpotest/samples: both CronJobs of the last have one name.
	for _, tc := range []struct{ cluster, repo, backupType, want string }{
		{"cluster", "repo1", "full", "pgbackrest-cluster-repo1-full"},
		{"a-cluster-with-a-name-of-forty-characters", "repo1", "full", "pgbackrest-a-cluster-with-a-name-of-forty-characters"},
		{"a-cluster-with-a-name-of-forty-characters", "repo1", "incr", "pgbackrest-a-cluster-with-a-name-of-forty-characters"},
		{"a-cluster-with-thirty-four-letters", "repo2", "full", "pgbackrest-a-cluster-with-thirty-four-letters-repo2"},
	} {
		if got := cpo.CronJobName(tc.cluster, tc.repo, tc.backupType); got != tc.want {
			t.Errorf("%+v: got %s", tc, got)
		}
	}
}
