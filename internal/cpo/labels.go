// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import "maps"

// Labels are the labels by which CPO, and so we, find what belongs to a cluster.
// Whoever runs CPO can choose them.
type Labels struct {
	// Cluster are on everything of every cluster, cluster_labels of CPO.
	Cluster map[string]string `json:"cluster"`
	// ClusterName is the key of the label with the name of the cluster,
	// cluster_name_label of CPO.
	ClusterName string `json:"clusterName"`
	// Role is the key of the label with the role of a pod, pod_role_label of CPO.
	Role string `json:"role"`
}

// DefaultLabels are those of a CPO that is not configured otherwise. In mode
// standalone there are no others.
func DefaultLabels() Labels {
	return Labels{Cluster: map[string]string{LabelApplication: Application}, ClusterName: LabelCluster, Role: LabelRole}
}

// Equal reports whether two sets of labels find the same objects.
func (l Labels) Equal(other Labels) bool {
	return l.ClusterName == other.ClusterName && l.Role == other.Role && maps.Equal(l.Cluster, other.Cluster)
}

// Members selects every pod of a cluster, including the repo host.
func (l Labels) Members(cluster string) map[string]string { return l.with(cluster, "", "") }

// PostgreSQL selects the PostgreSQL pods of a cluster.
func (l Labels) PostgreSQL(cluster string) map[string]string {
	return l.with(cluster, LabelMemberType, MemberPostgreSQL)
}

// RepoHost selects the repo host of a cluster.
func (l Labels) RepoHost(cluster string) map[string]string {
	return l.with(cluster, LabelMemberType, MemberRepoHost)
}

// Primary selects the primary of a cluster.
func (l Labels) Primary(cluster string) map[string]string {
	return l.with(cluster, l.Role, RolePrimary)
}

// BackupJobs selects the CronJobs of CPO that make backups of a cluster.
func (l Labels) BackupJobs(cluster string) map[string]string {
	return map[string]string{l.ClusterName: cluster, LabelMemberType: MemberBackupJob}
}

func (l Labels) with(cluster, key, value string) map[string]string {
	selector := maps.Clone(l.Cluster)
	if selector == nil {
		selector = map[string]string{}
	}
	selector[l.ClusterName] = cluster
	if key != "" {
		selector[key] = value
	}
	return selector
}
