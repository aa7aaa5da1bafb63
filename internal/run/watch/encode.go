// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"fmt"
	"maps"

	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

// maxReport is how many bytes the report may have. Argo stores it three times in the
// status of the Workflow, which may have 1 MiB.
const maxReport = 300 << 10

// newestKept is how many of the newest backups of each repo a report describes, fewer if
// it becomes too long. The labels of all others stay.
var newestKept = []int{newestBackups, 3, 1}

// encode returns the report as an output parameter.
func encode(found report.Watch) ([]byte, error) {
	size := 0
	for _, newest := range newestKept {
		encoded, err := shorten(found, newest).Encode()
		if err != nil {
			return nil, err
		}
		if size = len(encoded); size <= maxReport {
			return encoded, nil
		}
	}
	return nil, fmt.Errorf("the report of %d clusters has %d KiB, and a Workflow has room for %d: put the clusters into several namespaces, or keep fewer backups",
		len(found.Clusters), size>>10, maxReport>>10)
}

// shorten returns a report with at most so many newest backups of each repo.
func shorten(found report.Watch, newest int) report.Watch {
	clusters := make(map[string]report.Sample, len(found.Clusters))
	for name, sample := range found.Clusters {
		sample.Repos = maps.Clone(sample.Repos)
		for repo, of := range sample.Repos {
			of.Newest = of.Newest[:min(newest, len(of.Newest))]
			sample.Repos[repo] = of
		}
		clusters[name] = sample
	}
	found.Clusters = clusters
	return found
}
