// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

// TestLabelsOfCPO checks the defaults against objects that a real CPO made.
func TestLabelsOfCPO(t *testing.T) {
	t.Parallel()
	const cluster = "cluster"
	ours := DefaultLabels()
	matches := func(selector, have map[string]string) bool {
		return labels.SelectorFromSet(selector).Matches(labels.Set(have))
	}
	for file, want := range map[string][4]bool{
		"pvc/pod-cluster-0.yaml":                      {true, true, false, true},
		"pvc/pod-cluster-1.yaml":                      {true, true, false, false},
		"pvc/pod-cluster-pgbackrest-repo-host-0.yaml": {true, false, true, false},
	} {
		pod := &corev1.Pod{}
		cpotest.Decode(t, file, pod)
		got := [4]bool{
			matches(ours.Members(cluster), pod.Labels), matches(ours.PostgreSQL(cluster), pod.Labels),
			matches(ours.RepoHost(cluster), pod.Labels), matches(ours.Primary(cluster), pod.Labels),
		}
		if got != want {
			t.Errorf("%s: member, PostgreSQL, repo host, primary: %v, want %v", file, got, want)
		}
		if matches(ours.Members("other"), pod.Labels) || matches(ours.BackupJobs(cluster), pod.Labels) {
			t.Errorf("%s is of another cluster, or makes backups", file)
		}
	}
	cronJob := &batchv1.CronJob{}
	cpotest.Decode(t, "pvc/cronjob-pgbackrest-cluster-repo1-full.yaml", cronJob)
	if !matches(ours.BackupJobs(cluster), cronJob.Labels) {
		t.Errorf("%v do not match %v", ours.BackupJobs(cluster), cronJob.Labels)
	}
}

func TestLabelsChosenByOthers(t *testing.T) {
	t.Parallel()
	l := Labels{Cluster: map[string]string{"app": "pg"}, ClusterName: "cluster-name", Role: "spilo-role"}
	got := []map[string]string{l.Members("a"), l.PostgreSQL("a"), l.RepoHost("a"), l.Primary("a"), l.BackupJobs("a")}
	want := []map[string]string{
		{"app": "pg", "cluster-name": "a"},
		{"app": "pg", "cluster-name": "a", LabelMemberType: MemberPostgreSQL},
		{"app": "pg", "cluster-name": "a", LabelMemberType: MemberRepoHost},
		{"app": "pg", "cluster-name": "a", "spilo-role": RolePrimary},
		{"cluster-name": "a", LabelMemberType: MemberBackupJob},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	same := Labels{Cluster: map[string]string{"app": "pg"}, ClusterName: "cluster-name", Role: "spilo-role"}
	if !l.Equal(same) || l.Equal(DefaultLabels()) {
		t.Errorf("%+v", l)
	}
}
