// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo_test

import (
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

// Each pass over a cluster decodes its postgresql.
func BenchmarkDecode(b *testing.B) {
	var object map[string]any
	cpotest.Decode(b, "s3/postgresql-cluster.yaml", &object)
	b.ReportAllocs()
	for b.Loop() {
		if cluster, errors := cpo.Decode(object); cluster.PgBackRest == nil || len(errors) != 0 {
			b.Fatalf("got %+v and %v", cluster, errors)
		}
	}
}
