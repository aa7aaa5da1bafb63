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
