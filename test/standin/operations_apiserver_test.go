//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// testRestore follows the states of a restore, and compares the ConfigMap of it.
func testRestore(t *testing.T, s *server) {
	w := s.world(t, "restore", Options{AfterPods: time.Second})
	w.applySample("pvc")
	w.awaitStatus("cluster", statusRunning)
	w.patchPostgresql(`{"spec":{"backup":{"pgbackrest":{"restore":
		{"id":"restore-1","repo":"repo1","options":{"type":"time","target":"2026-11-28 18:00:00+00"}}}}}}`)
	var states []string
	note := func(state string) {
		if len(states) == 0 || states[len(states)-1] != state {
			states = append(states, state)
		}
	}
	compared := false
	w.eventually(func() error {
		status := w.status("cluster")
		note(status.Cluster)
		if status.Cluster == statusRestoring && !compared {
			compared = true
			w.compare("restore-in-progress/configmap-cluster-pgbackrest-restore.yaml")
			if *w.cronJob(fullJob).Spec.Suspend {
				t.Error("a CronJob is suspended during the restore")
			}
		}
		if status.Cluster != statusRunning || status.RestoreID != "restore-1" {
			return fmt.Errorf("status is %+v", status)
		}
		return nil
	})
	states = slices.DeleteFunc(states, func(s string) bool { return s == statusUpdating })
	if diff := cmp.Diff([]string{statusRestoring, statusRunning}, slices.Compact(afterFirst(states, statusRestoring))); diff != "" || !compared {
		t.Errorf("states %v (-want +got):\n%s", states, diff)
	}
	if err := w.client.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "cluster-pgbackrest-restore"}, &corev1.ConfigMap{}); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("the ConfigMap of the restore is still there: %v", err)
	}
	// A sync does not restore again.
	w.sync()
	if got := w.status("cluster"); got != (Status{Cluster: statusRunning, RestoreID: "restore-1"}) {
		t.Errorf("status after a sync is %+v", got)
	}
}

func afterFirst(states []string, state string) []string {
	return states[max(slices.Index(states, state), 0):]
}

// testDelete deletes a cluster whose name is the end of another's.
func testDelete(t *testing.T, s *server) {
	w := s.world(t, "delete", Options{})
	w.applySample("pvc")
	w.awaitStatus("cluster", statusRunning)
	for name, labels := range map[string]map[string]string{
		"repo1-my-cluster-pgbackrest-repo-host-0": nil,
		"labelled": {"application": "cpo", "cluster.cpo.opensource.cybertec.at/name": "cluster"},
		"other":    {"application": "cpo"},
	} {
		claim := &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: labels},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
			},
		}
		if err := w.client.Create(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.client.Delete(t.Context(), w.postgresql("cluster")); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() error {
		var cronJobs batchv1.CronJobList
		var configMaps corev1.ConfigMapList
		var claims corev1.PersistentVolumeClaimList
		for _, list := range []client.ObjectList{&cronJobs, &configMaps, &claims} {
			if err := w.client.List(t.Context(), list, client.InNamespace(w.namespace)); err != nil {
				return err
			}
		}
		left := len(slices.DeleteFunc(cronJobs.Items, func(c batchv1.CronJob) bool { return c.DeletionTimestamp != nil })) + len(configMaps.Items)
		var names []string
		for _, claim := range claims.Items {
			if claim.DeletionTimestamp == nil {
				names = append(names, claim.Name)
			}
		}
		if diff := cmp.Diff([]string{"other"}, names); diff != "" || left != 0 {
			return fmt.Errorf("%d other objects are left; claims (-want +got):\n%s", left, diff)
		}
		return nil
	})
}
