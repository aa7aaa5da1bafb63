//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

func testRegisters(t *testing.T, s *server) {
	w := s.world(t, "registers", Options{})
	want := &unstructured.Unstructured{}
	cpotest.Decode(t, "crds/postgresqls.cpo.opensource.cybertec.at.yaml", want)
	got := w.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", want.GetName())
	if diff := cmp.Diff(numbersAsFloats(want.Object["spec"]), numbersAsFloats(got.Object["spec"])); diff != "" {
		t.Errorf("spec of the CRD (-CPO +stand-in):\n%s", diff)
	}
}

func testCronJobsAfterPods(t *testing.T, s *server) {
	w := s.world(t, "after-pods", Options{AfterPods: 2 * time.Second})
	w.applySample("s3")
	w.awaitStatus("cluster", statusRunning)
	var pods corev1.PodList
	if err := w.client.List(t.Context(), &pods, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	created := w.cronJob(fullJob).CreationTimestamp.Time
	for _, pod := range pods.Items {
		if after := created.Sub(pod.CreationTimestamp.Time); after < time.Second || len(pods.Items) != 2 {
			t.Errorf("the CronJob came %s after pod %s of %d", after, pod.Name, len(pods.Items))
		}
	}
}

func testLongName(t *testing.T, s *server) {
	w := s.world(t, "longname", Options{})
	w.applySample("longname")
	w.awaitStatus("a-cluster-with-a-name-of-forty-characters", statusRunning)
	w.compare("longname/configmap-a-cluster-with-a-name-of-forty-characters-pgbackrest-config.yaml")
	w.eventually(func() error {
		var cronJobs batchv1.CronJobList
		err := w.client.List(t.Context(), &cronJobs, client.InNamespace(w.namespace))
		if err == nil && len(cronJobs.Items) > 0 {
			err = fmt.Errorf("CPO leaves no CronJob, there is %s", cronJobs.Items[0].Name)
		}
		return err
	})
	// It was made, overwritten and deleted under this name.
	p := &Postgresql{ObjectMeta: metav1.ObjectMeta{Name: "a-cluster-with-a-name-of-forty-characters"}}
	if got, want := p.cronJobName("repo1", "incr"), "pgbackrest-a-cluster-with-a-name-of-forty-characters"; got != want {
		t.Errorf("the name is %s, want %s", got, want)
	}
}

func testRepoName(t *testing.T, s *server) {
	w := s.world(t, "reponame", Options{})
	w.applySample("reponame")
	w.awaitStatus("cluster", statusCreateFailed)
	w.sync()
	w.awaitStatus("cluster", statusSyncFailed)
	w.compare("reponame/configmap-cluster-pgbackrest-config.yaml")
	w.compare("reponame/configmap-cluster-pgbackrest-repohost-config.yaml")
	w.compareNames("reponame", "CronJob", "batch/v1", "")
}

func testEmptySchedule(t *testing.T, s *server) {
	w := s.world(t, "empty", Options{})
	w.applySample("s3")
	w.awaitStatus("cluster", statusRunning)
	w.patchRepos(func(repo map[string]any) { repo["schedule"] = map[string]any{"full": "", "incr": "*/5 * * * *"} })
	w.eventually(func() error {
		full, incr := w.cronJob(fullJob).Spec.Schedule, w.cronJob(incrJob).Spec.Schedule
		if full != "30 00 * * *" || incr != "*/5 * * * *" {
			return fmt.Errorf("schedules are %q and %q", full, incr)
		}
		return nil
	})
}

// patchRepos changes the only repo of the cluster.
func (w *world) patchRepos(change func(map[string]any)) {
	w.Helper()
	p := w.postgresql("cluster")
	repos, _, _ := unstructured.NestedSlice(p.Object, "spec", "backup", "pgbackrest", "repos")
	change(repos[0].(map[string]any))
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"backup": map[string]any{"pgbackrest": map[string]any{"repos": repos}}}})
	if err != nil {
		w.Fatal(err)
	}
	w.patch(p, string(body))
}

func testUpdateKeeps(t *testing.T, s *server) {
	w := s.world(t, "keeps", Options{})
	w.applySample("s3")
	w.awaitStatus("cluster", statusRunning)
	was := w.cronJob(fullJob)
	w.patch(was.DeepCopy(), `{"metadata":{"labels":{"ours":"x","team":"theirs"},"annotations":{"ours":"x"}},
		"spec":{"suspend":true,"timeZone":"Europe/Vienna","startingDeadlineSeconds":60,"concurrencyPolicy":"Replace","successfulJobsHistoryLimit":7,
			"schedule":"1 1 1 1 1","jobTemplate":{"metadata":{"annotations":{"kept":"x"}},"spec":{"backoffLimit":1}}}}`)
	w.sync()
	is := w.cronJob(fullJob)
	want := was.DeepCopy()
	want.Spec.Suspend, want.Spec.TimeZone, want.Spec.StartingDeadlineSeconds = new(true), new("Europe/Vienna"), new(int64(60))
	want.Spec.ConcurrencyPolicy, want.Spec.SuccessfulJobsHistoryLimit = batchv1.ReplaceConcurrent, new(int32(7))
	want.Spec.JobTemplate.Spec.BackoffLimit = new(int32(1))
	want.Spec.JobTemplate.Annotations = map[string]string{"kept": "x"}
	if diff := cmp.Diff(want.Spec, is.Spec); diff != "" {
		t.Errorf("spec after a sync (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(was.Labels, is.Labels); diff != "" || len(is.Annotations) > 0 {
		t.Errorf("labels after a sync (-want +got):\n%s\nannotations %v", diff, is.Annotations)
	}
}

// testManagedFields checks that the API server sees the manager and the fields that it
// saw of CPO.
func testManagedFields(t *testing.T, s *server) {
	w := s.world(t, "managed-fields", Options{})
	w.applySample("s3")
	w.awaitStatus("cluster", statusRunning)
	want, got := &batchv1.CronJob{}, w.cronJob(fullJob)
	cpotest.Decode(t, "managed-fields/cronjob-"+fullJob+".yaml", want)
	if diff := cmp.Diff(ownedBy(t, want.ManagedFields, Manager), ownedBy(t, got.ManagedFields, Manager)); diff != "" {
		t.Errorf("fields of %s (-CPO +stand-in):\n%s", Manager, diff)
	}
}

func ownedBy(t *testing.T, entries []metav1.ManagedFieldsEntry, manager string) any {
	t.Helper()
	var fields any
	for _, e := range entries {
		if e.Manager == manager {
			if err := json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields); err != nil {
				t.Fatal(err)
			}
		}
	}
	return fields
}

func testConflict(t *testing.T, s *server) {
	var between func(name string)
	w := s.world(t, "conflict", Options{BeforePut: func(name string) {
		if between != nil {
			between(name)
		}
	}})
	w.applySample("s3")
	w.awaitStatus("cluster", statusRunning)
	w.patch(w.cronJob(incrJob), `{"spec":{"schedule":"1 1 1 1 1"}}`)
	between = func(name string) {
		if name == fullJob {
			w.patch(w.cronJob(fullJob), `{"spec":{"suspend":true}}`)
		}
	}
	w.sync()
	if got := w.status("cluster").Cluster; got != statusSyncFailed {
		t.Errorf("status is %s, want %s", got, statusSyncFailed)
	}
	conflicts := w.options.Record.Conflicts()
	if len(conflicts) != 1 || !slices.Equal(conflicts[0].Managers, []string{"user"}) || conflicts[0].CronJob != fullJob {
		t.Errorf("conflicts are %+v, want one of user on %s", conflicts, fullJob)
	}
	if got := w.cronJob(incrJob).Spec.Schedule; got != "1 1 1 1 1" {
		t.Errorf("the rest of the sync was done: the schedule is %s", got)
	}
}

func testCreatesAgain(t *testing.T, s *server) {
	w := s.world(t, "again", Options{})
	w.applySample("pvc")
	w.awaitStatus("cluster", statusRunning)
	was := w.cronJob(fullJob)
	w.patch(was, `{"spec":{"suspend":true}}`)
	if err := w.client.Delete(t.Context(), was); err != nil {
		t.Fatal(err)
	}
	if err := w.client.Delete(t.Context(), w.get("v1", "Secret", "cluster-pgbackrest-cert")); err != nil {
		t.Fatal(err)
	}
	w.sync()
	if is := w.cronJob(fullJob); is.UID == was.UID || *is.Spec.Suspend {
		t.Errorf("the CronJob is not another one that is not suspended: %+v", is)
	}
	w.compare("pvc/secret-cluster-pgbackrest-cert.yaml")
}

func testDeletesType(t *testing.T, s *server) {
	w := s.world(t, "type", Options{})
	w.applySample("s3")
	w.awaitStatus("cluster", statusRunning)
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "running"}, Spec: w.cronJob(incrJob).Spec.JobTemplate.Spec}
	job.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(w.cronJob(incrJob), batchv1.SchemeGroupVersion.WithKind("CronJob"))}
	if err := w.client.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	w.patchRepos(func(repo map[string]any) { repo["schedule"] = map[string]any{"full": "30 2 * * *"} })
	w.eventually(func() error {
		err := w.client.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: incrJob}, &batchv1.CronJob{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("CronJob %s is there: %w", incrJob, err)
		}
		return nil
	})
	w.get("batch/v1", "Job", job.Name)
}

func testBackupRemoved(t *testing.T, s *server) {
	w := s.world(t, "backup-removed", Options{})
	w.applySample("s3")
	w.awaitStatus("cluster", statusRunning)
	w.patchPostgresql(`{"spec":{"backup":null}}`)
	w.eventually(func() error {
		err := w.client.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "cluster-pgbackrest-config"}, &corev1.ConfigMap{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("the ConfigMap is there: %w", err)
		}
		return nil
	})
	w.awaitStatus("cluster", statusRunning)
	w.cronJob(fullJob)
	w.sync()
	w.eventually(func() error {
		err := w.client.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: fullJob}, &batchv1.CronJob{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("the CronJob is there after a sync: %w", err)
		}
		return nil
	})
	if text, _, _ := unstructured.NestedString(w.get("v1", "ConfigMap", "cluster-pgbackrest-config").Object, "data", configFile); strings.Contains(text, "repo1") {
		t.Errorf("the ConfigMap is not almost empty:\n%s", text)
	}
}

func testController(t *testing.T, s *server) {
	w := s.world(t, "controller", Options{})
	w.applySample("s3", func(o *unstructured.Unstructured) {
		o.SetAnnotations(map[string]string{annotationController: "stanzaflow"})
	})
	w.applySample("pvc", func(o *unstructured.Unstructured) { o.SetName("other") })
	w.awaitStatus("other", statusRunning)
	if got := w.status("cluster"); got != (Status{}) {
		t.Errorf("status is %+v", got)
	}
	// Without a restart, at once.
	w.patch(w.postgresql("other"), `{"metadata":{"annotations":{"`+annotationController+`":"stanzaflow"}},"spec":{"numberOfInstances":1}}`)
	w.patch(w.postgresql("cluster"), `{"metadata":{"annotations":null}}`)
	w.eventually(func() error {
		w.operator.SyncAll()
		if got := w.status("cluster").Cluster; got != statusRunning {
			return fmt.Errorf("status is %q", got)
		}
		return nil
	})
	if replicas, _, _ := unstructured.NestedInt64(w.get("apps/v1", "StatefulSet", "other").Object, "spec", "replicas"); replicas != 2 {
		t.Errorf("the StatefulSet of a resource of another controller has %d replicas, want 2", replicas)
	}
}

func testKilled(t *testing.T, s *server) {
	w := s.world(t, "killed", Options{})
	w.applySample("s3")
	w.awaitStatus("cluster", statusRunning)
	w.kill()
	w.patchRepos(func(repo map[string]any) { repo["schedule"] = map[string]any{"full": "1 2 * * *"} })
	if err := w.client.Delete(t.Context(), w.cronJob(incrJob)); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.eventually(func() error {
		if got := w.cronJob(fullJob).Spec.Schedule; got != "1 2 * * *" {
			return fmt.Errorf("the schedule is %s", got)
		}
		return nil
	})
}

func testLabels(t *testing.T, s *server) {
	w := s.world(t, "labels", Options{
		ClusterLabels: map[string]string{"app": "postgres"}, ClusterNameLabel: "example.com/cluster", RoleLabel: "example.com/role",
	})
	w.applySample("s3")
	w.awaitStatus("cluster", statusRunning)
	want := map[string]string{"app": "postgres", "example.com/cluster": "cluster", labelType: typeBackupJob, "team": "acid"}
	cronJob := w.cronJob(fullJob)
	if diff := cmp.Diff(want, cronJob.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	env := cronJob.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Env
	if got := env[4].Value; got != "app=postgres,example.com/cluster=cluster,example.com/role=master" {
		t.Errorf("SELECTOR is %s", got)
	}
}
