//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
)

// clients are those of a user.
func (s *server) clients(t *testing.T, user string) kubernetes.Interface {
	t.Helper()
	clients, err := kubernetes.NewForConfig(s.configOf(user))
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

func (s *server) configOf(user string) *rest.Config {
	config := rest.CopyConfig(s.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	return config
}

func (s *server) createConfigMap(t *testing.T, user, namespace string, configMap *corev1.ConfigMap, dryRun bool) error {
	t.Helper()
	options := metav1.CreateOptions{}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	_, err := s.clients(t, user).CoreV1().ConfigMaps(namespace).Create(t.Context(), configMap, options)
	return err
}

// testBeside: what a run sees of CPO, with the component alongside.
func testBeside(t *testing.T, s *server) {
	beside, err := remote.New(s.configOf(besideRunner))
	if err != nil {
		t.Fatal(err)
	}
	marker := cpo.RestoreConfigMapName(runtest.Cluster)
	if exists, err := beside.HasConfigMap(t.Context(), besideNamespace, marker); exists || err != nil {
		t.Errorf("before the restore the marker exists: %t, %v", exists, err)
	}
	var made corev1.ConfigMap
	cpotest.Decode(t, "restore-in-progress/configmap-cluster-pgbackrest-restore.yaml", &made)
	made.ObjectMeta = metav1.ObjectMeta{Name: marker, Namespace: besideNamespace, Labels: made.Labels, Annotations: made.Annotations}
	s.create(t, &made)
	if exists, err := beside.HasConfigMap(t.Context(), besideNamespace, marker); !exists || err != nil {
		t.Errorf("in the restore the marker exists: %t, %v", exists, err)
	}

	cronJob := runtest.CronJob(t, 1, cpo.Full)
	cronJob.ObjectMeta = metav1.ObjectMeta{Name: cronJob.Name, Namespace: besideNamespace, Labels: cronJob.Labels}
	s.create(t, cronJob)
	found, err := beside.CronJobs(t.Context(), besideNamespace, map[string]string{cpo.LabelCluster: runtest.Cluster, cpo.LabelMemberType: cpo.MemberBackupJob})
	if err != nil || len(found) != 1 || cpo.DecodeCronJob(&found[0]).Type != cpo.Full || len(found[0].ManagedFields) == 0 {
		t.Errorf("CronJobs %v, %v; want one, with its managed fields", found, err)
	}

	s.create(t, runtest.Job(cronJob, runtest.Start))
	jobs, err := beside.Jobs(t.Context(), besideNamespace, map[string]string{cpo.LabelCluster: runtest.Cluster, cpo.LabelMemberType: cpo.MemberBackupJob})
	if err != nil || len(jobs) != 1 || !cpo.DecodeJob(&jobs[0]).Slot.Equal(runtest.Start) {
		t.Errorf("Jobs %v, %v; want one, with its slot", jobs, err)
	}

	without, err := remote.New(s.configOf(runner))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := without.CronJobs(t.Context(), runtest.Namespace, nil); !apierrors.IsForbidden(err) {
		t.Errorf("without the component CronJobs can be listed: %v", err)
	}
	if _, err := without.HasConfigMap(t.Context(), runtest.Namespace, marker); !apierrors.IsForbidden(err) {
		t.Errorf("without the component ConfigMaps can be asked for: %v", err)
	}
}

// testMarkerOnly: the right to create ConfigMaps is one to ask for one name.
func testMarkerOnly(t *testing.T, s *server) {
	named := func(name string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	const policy = "stanzaflow-restore-marker"
	for name, tc := range map[string]struct {
		user, namespace string
		configMap       *corev1.ConfigMap
		dryRun          bool
	}{
		"not a dry run":                {besideRunner, besideNamespace, named("other-pgbackrest-restore"), false},
		"another name":                 {besideRunner, besideNamespace, named("orders-pgbackrest-config"), true},
		"another name, not a dry run":  {besideRunner, besideNamespace, named("orders-pgbackrest-config"), false},
		"a name that is made up":       {besideRunner, besideNamespace, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "orders-pgbackrest-restore"}}, true},
		"another namespace, by rights": {strongRunner, besideNamespace, named("other-pgbackrest-restore"), true},
		"not a dry run, by rights":     {strongRunner, openNamespace, named("other-pgbackrest-restore"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.createConfigMap(t, tc.user, tc.namespace, tc.configMap, tc.dryRun); !refusedBy(err, policy) {
				t.Errorf("%v", err)
			}
		})
	}
	existing := named("orders-pgbackrest-config")
	existing.Namespace = openNamespace
	s.create(t, existing)
	configMaps := s.clients(t, strongRunner).CoreV1().ConfigMaps(openNamespace)
	if err := configMaps.Delete(t.Context(), existing.Name, metav1.DeleteOptions{}); !refusedBy(err, policy) {
		t.Errorf("delete, by rights: %v", err)
	}
	existing.Data = map[string]string{"pgbackrest_instance.conf": ""}
	if _, err := configMaps.Update(t.Context(), existing, metav1.UpdateOptions{}); !refusedBy(err, policy) {
		t.Errorf("update, by rights: %v", err)
	}
	// The policy is about the runner and nobody else.
	person := named("a-config")
	person.Namespace = besideNamespace
	s.create(t, person)

	const core = "/api/v1/namespaces/" + besideNamespace
	batch := "/apis/batch/v1/namespaces/" + besideNamespace
	for name, request := range map[string][2]string{
		"reads the marker":    {"GET", core + "/configmaps/orders-pgbackrest-restore"},
		"lists ConfigMaps":    {"GET", core + "/configmaps"},
		"deletes the marker":  {"DELETE", core + "/configmaps/orders-pgbackrest-restore"},
		"patches a ConfigMap": {"PATCH", core + "/configmaps/orders-pgbackrest-config"},
		"patches a CronJob":   {"PATCH", batch + "/cronjobs/pgbackrest-orders-repo1-full"},
		"deletes a CronJob":   {"DELETE", batch + "/cronjobs/pgbackrest-orders-repo1-full"},
		"makes a CronJob":     {"POST", batch + "/cronjobs"},
		"makes a Job":         {"POST", batch + "/jobs"},
		"patches a Job":       {"PATCH", batch + "/jobs/pgbackrest-orders-repo1-full-1"},
		"deletes a Job":       {"DELETE", batch + "/jobs/pgbackrest-orders-repo1-full-1"},
	} {
		if err := s.do(t, besideRunner, request[0], request[1]); !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
