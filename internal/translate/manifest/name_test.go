// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
)

func TestCronWorkflowNameIsUnique(t *testing.T) {
	t.Parallel()
	clusters := map[string]bool{}
	random := rand.New(rand.NewPCG(20261122, 1))
	// Names that differ in one place, in their length only, or look like cut
	// ones, all with the same beginning.
	const beginning = "customer-portal-production-europe-"
	for i := range 5_000 {
		clusters[fmt.Sprintf("%s%05d-database", beginning, i)] = true
		clusters[fmt.Sprintf("%sdatabase-%d", beginning, i)] = true
		clusters[fmt.Sprintf("customer-portal-pro-%010x", random.Uint64()>>24)] = true
	}
	for length := 1; length <= 63; length++ {
		clusters[strings.Repeat("x", length)] = true
		clusters[strings.Repeat("x", max(length-2, 0))+"-x"] = true
		clusters["x"+strings.Repeat("-", max(length-2, 0))+"x"] = true
		clusters["x"+strings.Repeat("-", max(length-3, 0))+".x"] = true
	}
	seen := make(map[string]string, 6*len(clusters))
	for _, cluster := range slices.Sorted(maps.Keys(clusters)) {
		for _, repo := range []string{"repo1", "repo4"} {
			for _, backupType := range cpo.BackupTypes {
				name := manifest.CronWorkflowName(cluster, repo, backupType)
				if len(name) > 52 {
					t.Fatalf("%s of %s is too long", name, cluster)
				}
				if other, taken := seen[name]; taken {
					t.Fatalf("%s and %s share the name %s", other, cluster, name)
				}
				seen[name] = cluster
			}
		}
		// A cluster that somebody names like the cut name of another.
		name := manifest.CronWorkflowName(cluster, "repo1", cpo.Full)
		if impostor := strings.TrimSuffix(strings.TrimPrefix(name, "pgbackrest-"), "-repo1-full"); impostor != cluster &&
			manifest.CronWorkflowName(impostor, "repo1", cpo.Full) == name {
			t.Fatalf("%s takes the name %s of %s", impostor, name, cluster)
		}
	}
}

// TestWorkflowName checks that the names of runs fit, whatever the names of cluster and
// trigger, and differ with each of the three parts.
func TestWorkflowName(t *testing.T) {
	t.Parallel()
	since := time.Unix(1764407100, 0)
	if got, want := manifest.WorkflowName("orders", "release", since), "pgbackrest-orders-release-1764407100"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	seen := map[string]string{}
	for length := 1; length <= 63; length++ {
		for _, cluster := range []string{strings.Repeat("x", length), strings.Repeat("x", length-1) + "y"} {
			for _, trigger := range []string{"t", "initial-repo1", "initial-repo2", strings.Repeat("t", 30)} {
				for _, at := range []time.Time{since, since.Add(time.Second)} {
					name := manifest.WorkflowName(cluster, trigger, at)
					of := fmt.Sprint(cluster, " ", trigger, " ", at)
					if other, taken := seen[name]; taken || len(name) > 52 {
						t.Fatalf("%s of %s and %s", name, of, other)
					}
					seen[name] = of
				}
			}
		}
	}
}
