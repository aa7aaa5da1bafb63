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
// CronJobs.
func CronWorkflowName(cluster, repo, backupType string) string {
	return shortName("pgbackrest-", cluster, "-"+repo+"-"+backupType, maxCronWorkflowName)
}

// shortName is prefix, cluster and suffix. Where that is too long, the cluster's
// name is cut and a hash of all of it is added, so that two long names never
// meet. A cut name is always as long as allowed, so the only plain names that it
// could be are those of that length that end in a hash; they are cut too.
func shortName(prefix, cluster, suffix string, most int) string {
	name := prefix + cluster + suffix
	if len(name) < most || len(name) == most && !looksHashed(cluster) {
		return name
	}
	room := max(0, most-len(prefix)-len("-")-hashLength-len(suffix))
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

// Names of the objects of a repo host. They are CPO's as long as a StatefulSet
// may have them: its pods carry a label of its name with a suffix of up to 11
// characters, of 63 in all.
const maxStatefulSetName = 52

// RepoHostName is <cluster>-pgbackrest-repo-host, the StatefulSet; its one pod
// has the suffix -0. A long name of a cluster is cut, as in CronWorkflowName.
func RepoHostName(cluster string) string {
	return shortName("", cluster, "-pgbackrest-repo-host", maxStatefulSetName)
}

// ClaimName is <repo>-<cluster>-pgbackrest-repo-host-0.
func ClaimName(cluster, repo string) string { return repo + "-" + RepoHostName(cluster) + "-0" }

// maxLabel is how long a label in DNS may be, and so the name of a Service.
const maxLabel = 63

// PrimaryServiceName is <cluster>-pgbackrest-primary: the Service that leads the
// repo host to the current primary.
func PrimaryServiceName(cluster string) string {
	return shortName("", cluster, "-pgbackrest-primary", maxLabel)
}

// ClusterPodsServiceName is <cluster>-clusterpods, as CPO's: the headless
// Service that gives every pod of a cluster, the repo host too, a name in DNS.
func ClusterPodsServiceName(cluster string) string {
	return shortName("", cluster, "-clusterpods", maxLabel)
}
