// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"hash/fnv"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// maxCronWorkflowName leaves room for the suffix "-<unix time>" that Argo
// appends for each run; Argo refuses longer names.
const maxCronWorkflowName = 52

// CronWorkflowName is pgbackrest-<cluster>-<repo>-<type>, as CPO names its
// CronJobs. Where that is too long for Argo, the cluster's name is cut and a
// hash of all of it is added, so that two long names, or two types of one
// cluster, never meet.
func CronWorkflowName(cluster, repo, backupType string) string {
	const prefix = "pgbackrest-"
	suffix := "-" + repo + "-" + backupType
	if name := prefix + cluster + suffix; len(name) <= maxCronWorkflowName {
		return name
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(cluster)) // fnv never fails
	middle := fmt.Sprintf("-%08x", hash.Sum32())
	room := max(0, maxCronWorkflowName-len(prefix)-len(middle)-len(suffix))
	return prefix + trimName(cluster, room) + middle + suffix
}

// trimName cuts a name so that it ends in a letter or a digit.
func trimName(name string, room int) string {
	name = name[:min(room, len(name))]
	for name != "" && (name[len(name)-1] == '-' || name[len(name)-1] == '.') {
		name = name[:len(name)-1]
	}
	return name
}

// clusterLabels are on every object of a cluster that we write.
func clusterLabels(cluster string) map[string]string {
	return map[string]string{
		vocab.LabelManagedBy: vocab.ManagedBy,
		vocab.LabelPartOf:    vocab.ManagedBy,
		vocab.LabelCluster:   cluster,
	}
}
