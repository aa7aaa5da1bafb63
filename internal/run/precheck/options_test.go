// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

func TestSourceOf(t *testing.T) {
	t.Parallel()
	withSecret := &precheck{postgresql: cpo.Postgresql{PgBackRest: &cpo.PgBackRest{Secret: "orders-s3"}}}
	const resource = "spec.backup.pgbackrest of the postgresql resource"
	for file, want := range map[string]string{
		cpo.ConfigFileName: resource, manifest.CredentialFileName: resource, "s3.conf": "Secret orders-s3",
	} {
		if got := withSecret.sourceOf(file); got != want {
			t.Errorf("%s comes from %s, want %s", file, got, want)
		}
	}
	if got := (&precheck{}).sourceOf("s3.conf"); got != "what is mounted at /etc/pgbackrest/conf.d" {
		t.Errorf("without a Secret: %s", got)
	}
}
