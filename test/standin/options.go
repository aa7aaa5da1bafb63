// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Manager is the field manager of everything that CPO writes.
const Manager = "postgres-operator"

// Labels and annotations that CPO does not let anybody configure.
const (
	labelType            = "member.cpo.opensource.cybertec.at/type"
	annotationController = "cpo.opensource.cybertec.at/controller"

	typePostgresql = "postgresql"
	typeRepoHost   = "repo-host"
	typeBackupJob  = "backup-job"

	rolePrimary = "master"
	roleReplica = "replica"
)

// Options are what CPO takes from its OperatorConfiguration and its environment, and
// what a test needs besides.
type Options struct {
	// Namespace to watch; empty for all.
	Namespace string
	// ControllerID is the value that the annotation of a postgresql must have. Without
	// one, CPO manages the resources that have no such annotation.
	ControllerID string
	// Resync is resync_period.
	Resync time.Duration
	// Workers is how many clusters are worked on at a time.
	Workers int
	// ClusterLabels, ClusterNameLabel and RoleLabel are cluster_labels,
	// cluster_name_label and pod_role_label.
	ClusterLabels               map[string]string
	ClusterNameLabel, RoleLabel string
	// EmptySchedule is logical_backup_schedule: what an empty schedule means.
	EmptySchedule string

	// AfterPods is how long after the last pod has its role the CronJobs come.
	AfterPods time.Duration
	// PodTimeout is how long it waits for the pods of a cluster.
	PodTimeout time.Duration
	// AdjustPod changes the pods of a cluster and of its CronJobs for the place where
	// they run. The real CPO has nothing like it.
	AdjustPod func(*corev1.PodTemplateSpec)
	// BeforePut is called between the GET of a CronJob and its PUT.
	BeforePut func(name string)
	// Record keeps what is to be proven. It outlives a restart.
	Record *Record
	// Logf prints what it does; nil prints nothing.
	Logf func(format string, args ...any)
}

// withDefaults returns the options with CPO's own defaults.
func (o Options) withDefaults() Options {
	if o.Resync == 0 {
		o.Resync = 30 * time.Minute
	}
	if o.Workers == 0 {
		o.Workers = 8
	}
	if o.ClusterLabels == nil {
		o.ClusterLabels = map[string]string{"application": "cpo"}
	}
	if o.ClusterNameLabel == "" {
		o.ClusterNameLabel = "cluster.cpo.opensource.cybertec.at/name"
	}
	if o.RoleLabel == "" {
		o.RoleLabel = "member.cpo.opensource.cybertec.at/role"
	}
	if o.EmptySchedule == "" {
		o.EmptySchedule = "30 00 * * *"
	}
	if o.AfterPods == 0 {
		o.AfterPods = time.Second
	}
	if o.PodTimeout == 0 {
		o.PodTimeout = 10 * time.Minute
	}
	if o.AdjustPod == nil {
		o.AdjustPod = func(*corev1.PodTemplateSpec) {}
	}
	if o.BeforePut == nil {
		o.BeforePut = func(string) {}
	}
	if o.Record == nil {
		o.Record = &Record{}
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return o
}

// selector are the labels by which the pods of a cluster are selected.
func (o Options) selector(p *Postgresql, key, value string) map[string]string {
	labels := maps.Clone(o.ClusterLabels)
	labels[o.ClusterNameLabel] = p.Name
	if key != "" {
		labels[key] = value
	}
	return labels
}

// labels are those of an object of a cluster.
func (o Options) labels(p *Postgresql, key, value string) map[string]string {
	labels := o.selector(p, key, value)
	labels["team"] = p.Spec.TeamID
	return labels
}

// podLabels are those of a pod of a cluster.
func (o Options) podLabels(p *Postgresql, memberType string) map[string]string {
	labels := o.labels(p, labelType, memberType)
	maps.Copy(labels, p.Spec.Labels)
	if memberType != typePostgresql && p.backup() != nil {
		maps.Copy(labels, p.backup().Labels)
	}
	if p.Spec.Monitor != nil {
		labels["cpo_monitoring_stack"] = yes
	}
	return labels
}
