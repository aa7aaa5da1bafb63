// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

// fullInput has as many schedules as a cluster can have: twelve.
func fullInput(cluster string) translate.Input {
	in := goodInput()
	in.Cluster.Name = cluster
	section := in.Cluster.PgBackRest
	section.Repos = nil
	for number := 1; number <= 4; number++ {
		section.Global[fmt.Sprintf("repo%d-path", number)] = fmt.Sprintf("/%s/%d", cluster, number)
		section.Repos = append(section.Repos, cpo.Repo{
			Name: fmt.Sprintf("repo%d", number), Storage: cpo.StorageS3,
			Resource: "bucket", Endpoint: "https://s3.example.com:443", Region: "zurich",
			Schedule: map[string]string{cpo.Full: "30 2 * * 0", cpo.Diff: "30 2 * * 1-6", cpo.Incr: "*/30 * * * *"},
		})
	}
	return in
}

func BenchmarkTranslate(b *testing.B) {
	in := fullInput("cluster")
	b.ReportAllocs()
	for b.Loop() {
		if plan := translate.Translate(in); len(plan.Schedules) != 12 || len(plan.Problems) != 0 {
			b.Fatalf("plan has %d CronWorkflows and %v", len(plan.Schedules), plan.Problems)
		}
	}
}

func BenchmarkTranslateThousandClusters(b *testing.B) {
	inputs := make([]translate.Input, 1000)
	for i := range inputs {
		inputs[i] = fullInput(fmt.Sprintf("customer-portal-production-%d-database", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, in := range inputs {
			translate.Translate(in)
		}
	}
}
