// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// maxCronWorkflowName leaves room for the suffix "-<unix time>" that Argo
// appends for each run; Argo refuses longer names.
const maxCronWorkflowName = 52

// hashLength is the length of a hash in a name, in hex digits. 40 bits: among
// a thousand clusters of one namespace that begin alike, two meet with a
// probability of one in two million.
const hashLength = 10

// looksHashed finds the plain names that a cut one could be.
func looksHashed(cluster string) bool {
	dash := len(cluster) - hashLength - len("-")
	return dash >= 0 && cluster[dash] == '-' && strings.Trim(cluster[dash+1:], "0123456789abcdef") == ""
}

// CronWorkflowName is pgbackrest-<cluster>-<repo>-<type>, as CPO names its
// CronJobs. Where that is too long for Argo, the cluster's name is cut and a
// hash of all of it is added, so that two long names, or two types of one
// cluster, never meet. A cut name is always as long as Argo allows, so the only
// plain names that it could be are those of that length that end in a hash;
// they are cut too.
func CronWorkflowName(cluster, repo, backupType string) string {
	const prefix = "pgbackrest-"
	suffix := "-" + repo + "-" + backupType
	name := prefix + cluster + suffix
	if len(name) < maxCronWorkflowName || len(name) == maxCronWorkflowName && !looksHashed(cluster) {
		return name
	}
	room := max(0, maxCronWorkflowName-len(prefix)-len("-")-hashLength-len(suffix))
	return prefix + cutName(cluster, room) + "-" + nameHash(cluster) + suffix
}

// nameHash folds 64 bits of FNV-1a into 40, as its authors advise.
func nameHash(name string) string {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(name)) // fnv never fails
	const bits = 4 * hashLength
	sum := hash.Sum64()
	return fmt.Sprintf("%0*x", hashLength, sum>>bits^sum&(1<<bits-1))
}

// cutName cuts a name to length. What cannot stand at the end of a part of a
// name becomes a 0 and is not cut off, so that the length stays the same.
func cutName(name string, length int) string {
	cut := []byte(name[:min(length, len(name))])
	for i := len(cut) - 1; i >= 0 && (cut[i] == '-' || cut[i] == '.'); i-- {
		cut[i] = '0'
	}
	return string(cut)
}

// clusterLabels are on every object of a cluster that we write.
func clusterLabels(cluster string) map[string]string {
	return map[string]string{
		vocab.LabelManagedBy: vocab.ManagedBy,
		vocab.LabelPartOf:    vocab.ManagedBy,
		vocab.LabelCluster:   cluster,
	}
}
