// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// maxCronWorkflowName leaves room for the suffix "-<unix time>" that Argo
// appends for each run; Argo refuses longer names.
const maxCronWorkflowName = 52

// hashLength is the length of a hash in a name, in hex digits. With 40 bits, two of
// a thousand clusters of one namespace that begin alike collide with a probability
// of one in two million.
const hashLength = 10

// looksHashed reports whether a plain name could be a cut one.
func looksHashed(cluster string) bool {
	dash := len(cluster) - hashLength - len("-")
	return dash >= 0 && cluster[dash] == '-' && strings.Trim(cluster[dash+1:], "0123456789abcdef") == ""
}

// CronWorkflowName is pgbackrest-<cluster>-<repo>-<type>, as CPO names its
// CronJobs.
func CronWorkflowName(cluster, repo, backupType string) string {
	return shortName("pgbackrest-", cluster, "-"+repo+"-"+backupType, maxCronWorkflowName)
}

// DrillName is pgbackrest-<cluster>-drill-<name>, the CronWorkflow of a drill. A long name
// of a cluster is cut, as in CronWorkflowName.
func DrillName(cluster, drill string) string {
	return shortName("pgbackrest-", cluster, "-drill-"+drill, maxCronWorkflowName)
}

// DrillConfigName is <cluster>-pgbackrest-drill-config, the ConfigMap of the drills.
func DrillConfigName(cluster string) string { return cluster + vocab.DrillConfigSuffix }

// WorkflowName is pgbackrest-<cluster>-<trigger>-<unix time>, as Argo names the runs of
// a CronWorkflow: the run of a trigger whose causes were seen first at that time.
func WorkflowName(cluster, trigger string, since time.Time) string {
	return shortName("pgbackrest-", cluster+"-"+trigger, "-"+strconv.FormatInt(since.Unix(), 10), maxWorkflowName)
}

// maxWorkflowName leaves room for what Argo appends for the name of a pod.
const maxWorkflowName = 52

// shortName joins prefix, cluster and suffix. If that is too long, it cuts the name
// of the cluster and adds a hash of the whole name, so that two long names never
// collide. A cut name always has the greatest length, so it could only equal a plain
// name of that length that ends in a hash; such a name is cut too.
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

// cutName cuts a name to a length. A character that may not end a part of a name
// becomes a 0, so that the length stays the same.
func cutName(name string, length int) string {
	cut := []byte(name[:min(length, len(name))])
	for i := len(cut) - 1; i >= 0 && (cut[i] == '-' || cut[i] == '.'); i-- {
		cut[i] = '0'
	}
	return string(cut)
}

// maxStatefulSetName is how long the name of a StatefulSet may be: its pods carry
// it in a label of at most 63 characters, with a suffix of up to 11. Shorter names
// of a repo host are CPO's.
const maxStatefulSetName = 52

// RepoHostName is <cluster>-pgbackrest-repo-host, the StatefulSet; its one pod
// has the suffix -0. A long name of a cluster is cut, as in CronWorkflowName.
func RepoHostName(cluster string) string {
	return shortName("", cluster, "-pgbackrest-repo-host", maxStatefulSetName)
}

// ClaimName is <repo>-<cluster>-pgbackrest-repo-host-0.
func ClaimName(cluster, repo string) string { return repo + "-" + RepoHostName(cluster) + "-0" }

// maxLabel is how long a label in DNS, and so the name of a Service, may be.
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

// CredentialName is <cluster>-pgbackrest-credential, the Secret with the keys
// that stand in the resource itself.
func CredentialName(cluster string) string {
	return shortName("", cluster, "-pgbackrest-credential", maxLabel)
}

// CredentialFileName is the key of that Secret, a configuration file.
const CredentialFileName = "pgbackrest_credential.conf"

// Ends of a TLS connection between the PostgreSQL pods and the repo host.
const (
	EndClient   = "client"
	EndRepoHost = "repo-host"
)

// IssuedSecretName is <cluster>-pgbackrest-<end>-tls: the Secret that
// cert-manager makes for one end, EndClient or EndRepoHost, and the name of its
// Certificate.
func IssuedSecretName(cluster, end string) string {
	return shortName("", cluster, "-pgbackrest-"+end+"-tls", maxLabel)
}
