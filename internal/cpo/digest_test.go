// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo_test

import (
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

func TestBackupDigest(t *testing.T) {
	t.Parallel()
	resource := func(instances int64, secret string) map[string]any {
		return map[string]any{"spec": map[string]any{
			"numberOfInstances": instances,
			"backup":            map[string]any{"pgbackrest": map[string]any{"configuration": map[string]any{"secret": map[string]any{"name": secret}}}},
		}}
	}
	digest := cpo.BackupDigest(resource(1, "a"))
	if len(digest) != 64 {
		t.Errorf("digest %q, want 64 hexadecimal digits", digest)
	}
	if cpo.BackupDigest(resource(2, "a")) != digest {
		t.Error("the number of instances changes the digest")
	}
	if cpo.BackupDigest(resource(1, "b")) == digest {
		t.Error("a backup setting does not change the digest")
	}
	if cpo.BackupDigest(map[string]any{}) == digest {
		t.Error("a resource without backup settings has the digest of one with them")
	}
}
