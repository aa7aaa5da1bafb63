//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/standin"
)

// TestAlongsideCPO runs the operator in mode alongside beside a stand-in for CPO.
func TestAlongsideCPO(t *testing.T) {
	s := startBareServer(t, argoCRDs(t, "minimal")...)
	s.grant(t, "alongside")
	for name, test := range map[string]func(*beside){
		"takes over, CPO first":                      func(b *beside) { testTakesOver(b, "s3", true) },
		"takes over, CPO later":                      func(b *beside) { testTakesOver(b, "s3", false) },
		"takes over, CPO first, pvc":                 func(b *beside) { testTakesOver(b, "pvc", true) },
		"takes over, CPO later, pvc":                 func(b *beside) { testTakesOver(b, "pvc", false) },
		"suspends a CronJob that CPO made again":     testTakesOverAgain,
		"leaves a CronJob that a user has suspended": testUserSuspended,
		"leaves a CronJob that a user has resumed":   testUserResumed,
		"gives back what is not managed":             testGivesBack,
		"gives everything back before an uninstall":  testReleases,
		"follows an edited schedule":                 testEditedSchedule,
		"waits while CPO restores":                   testRestoredByCPO,
		"goes with the cluster":                      testDeletedBesideCPO,
		"has the schedules of a long name":           testLongNameBesideCPO,
	} {
		t.Run(name, func(t *testing.T) {
			b := s.beside(t, vocab.ProvisionedByCPO)
			test(b)
			b.wantNoHarm()
		})
	}
}

// TestStandaloneBesideCPO runs the operator in mode standalone beside a stand-in for CPO:
// each does what it does in any order, and nothing of CPO's is changed.
func TestStandaloneBesideCPO(t *testing.T) {
	s := startBareServer(t, argoCRDs(t, "minimal")...)
	s.grant(t, "standalone")
	for _, sample := range []string{"s3", "pvc", "tworepos"} {
		t.Run(sample, func(t *testing.T) {
			b := s.beside(t, vocab.ProvisionedByUs)
			b.createSample(sample)
			b.settle()
			b.awaitCPO("Running")
			before := b.ofCPO()
			b.settle()
			b.want(vocab.ConditionProgrammed, "False", vocab.ReasonManagedByCPO)
			b.wantSame(before)
			b.sync()
			b.settle()
			b.wantNoHarm()
		})
	}
}

// beside is a world with a stand-in for CPO in it.
type beside struct {
	*world

	cpo     *standin.Operator
	record  *standin.Record
	began   int
	nextDay time.Time
}

// beside starts a stand-in for a new namespace. The clock of the operator is a minute
// ahead of the API server's, so that nothing has just been made.
func (s *server) beside(t *testing.T, by vocab.Provisioner) *beside {
	t.Helper()
	w := s.world(t)
	b := &beside{world: w, record: &standin.Record{}, began: len(w.written()), nextDay: time.Now().UTC().Add(6 * time.Hour)}
	options := standin.Options{Namespace: w.namespace, Record: b.record, Logf: t.Logf}
	operator, err := standin.New(s.config, options)
	if err != nil {
		t.Fatal(err)
	}
	pods, err := standin.NewPods(s.config, options)
	if err != nil {
		t.Fatal(err)
	}
	pods.WithoutControllers = true
	if err := operator.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.awaitCPO(t, true)
	b.cpo = operator
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { pods.Run(ctx) })
	wg.Go(func() {
		if err := operator.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })

	w.clock.SetTime(time.Now().Add(time.Minute))
	w.controller.options.Provisioner = by
	w.controller.presence = presenceNow(w)
	w.controller.skew.by = by
	if by == vocab.ProvisionedByCPO {
		w.controller.provision = nil
	}
	w.create(reconciletest.Template(w.namespace))
	return b
}

// createSample creates the cluster of a case of CPO, with our name and with schedules
// that are not due.
func (b *beside) createSample(sample string) *unstructured.Unstructured {
	b.Helper()
	data, err := fs.ReadFile(cpotest.Samples(), sample+"/manifest.yaml")
	if err != nil {
		b.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, o); err != nil {
		b.Fatal(err)
	}
	o.SetName(reconciletest.Cluster)
	repos, _, _ := unstructured.NestedSlice(o.Object, "spec", "backup", "pgbackrest", "repos")
	for i := range repos {
		schedule := repos[i].(map[string]any)["schedule"].(map[string]any)
		for backupType := range schedule {
			schedule[backupType] = b.daily(0)
		}
	}
	if err := unstructured.SetNestedSlice(o.Object, repos, "spec", "backup", "pgbackrest", "repos"); err != nil {
		b.Fatal(err)
	}
	b.create(o)
	return o
}

// daily is a schedule that is due in some hours.
func (b *beside) daily(minute int) string {
	at := b.nextDay.Add(time.Duration(minute) * time.Minute)
	return fmt.Sprintf("%d %d * * *", at.Minute(), at.Hour())
}

func (b *beside) awaitCPO(status string) {
	b.Helper()
	eventually(b.T, func() error {
		p, err := standin.Decode(b.postgresql())
		if err != nil {
			return err
		}
		if p.Status.Cluster != status {
			return fmt.Errorf("postgresql is %q, want %s", p.Status.Cluster, status)
		}
		return nil
	})
}

// sync lets CPO do one periodic sync, and waits for its end.
func (b *beside) sync() {
	b.Helper()
	before := b.record.Syncs()
	b.cpo.SyncAll()
	eventually(b.T, func() error {
		if b.record.Syncs() == before {
			return fmt.Errorf("no sync has ended")
		}
		return nil
	})
}

func (b *beside) postgresql() *unstructured.Unstructured {
	b.Helper()
	o := object.New(standin.Resource.GroupVersion().WithKind("postgresql"))
	if err := b.client.Get(b.Context(), b.key(reconciletest.Cluster), o); err != nil {
		b.Fatal(err)
	}
	return o
}

func (b *beside) cronJob(name string) *batchv1.CronJob {
	b.Helper()
	cronJob := &batchv1.CronJob{}
	if err := b.client.Get(b.Context(), b.key(name), cronJob); err != nil {
		b.Fatal(err)
	}
	return cronJob
}

// wantSuspended waits for no one: the passes have settled.
func (b *beside) wantSuspended(name string, want bool) *batchv1.CronJob {
	b.Helper()
	cronJob := b.cronJob(name)
	if got := *cronJob.Spec.Suspend; got != want {
		b.Errorf("CronJob %s is suspended: %t, want %t; the Stanza says %s", name, got, want, reconciletest.JSON(b.stanza().Status.CronJobs))
	}
	return cronJob
}

// suspend changes spec.suspend as a user does.
func (b *beside) suspend(cronJob *batchv1.CronJob, value bool) {
	b.Helper()
	b.patch(cronJob, "kubectl-edit", fmt.Sprintf(`{"spec":{"suspend":%t}}`, value))
}

// takeOver lets CPO make a cluster with storage s3, and us take its schedules over.
func (b *beside) takeOver() {
	b.Helper()
	b.createSample("s3")
	b.awaitCPO("Running")
	b.settle()
	b.later(0)
	b.wantSuspended(reconciletest.Full, true)
}

// later lets some time pass, and settles.
func (b *beside) later(d time.Duration) {
	b.Helper()
	now := time.Now().Add(time.Minute)
	if b.clock.Now().After(now) {
		now = b.clock.Now()
	}
	b.clock.SetTime(now.Add(d))
	b.settle()
}

// ofCPO is everything that is not ours.
func (b *beside) ofCPO() map[string]string {
	b.Helper()
	all := b.everything()
	for id := range all {
		for _, ours := range []string{"Stanza ", "CronWorkflow ", "Workflow "} {
			if strings.HasPrefix(id, ours) {
				delete(all, id)
			}
		}
	}
	return all
}

// wantSame compares everything that is not ours. Of a CronJob only spec.suspend may have
// changed, and what Kubernetes itself writes of a change.
func (b *beside) wantSame(before map[string]string) {
	b.Helper()
	after := b.ofCPO()
	for _, all := range []map[string]string{before, after} {
		for id, text := range all {
			if strings.HasPrefix(id, "CronJob ") {
				all[id] = b.withoutSuspend(text)
			}
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		b.Errorf("what is not ours has changed (-before +after):\n%s", diff)
	}
}

func (b *beside) withoutSuspend(text string) string {
	b.Helper()
	o := map[string]any{}
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		b.Fatal(err)
	}
	unstructured.RemoveNestedField(o, "spec", "suspend")
	for _, field := range []string{"resourceVersion", "generation", "managedFields"} {
		unstructured.RemoveNestedField(o, "metadata", field)
	}
	return reconciletest.JSON(o)
}

// wantNoHarm checks every write of the operator, and that CPO met no conflict with it.
func (b *beside) wantNoHarm() {
	b.Helper()
	for _, write := range b.written()[b.began:] {
		if !strings.Contains(write, "/namespaces/"+b.namespace+"/") {
			continue
		}
		allowed := strings.Contains(write, "/stanzas") || strings.Contains(write, "/cronworkflows") || strings.Contains(write, "/events") ||
			strings.HasPrefix(write, "POST ") && strings.HasSuffix(write, "/workflows") ||
			strings.HasPrefix(write, "PATCH ") && strings.Contains(write, "/cronjobs/")
		if !allowed {
			b.Errorf("the operator wrote: %s", write)
		}
	}
	for _, conflict := range b.record.Conflicts() {
		if slices.Contains(conflict.Managers, vocab.FieldManager) {
			b.Errorf("Stanzaflow caused a SyncFailed: %+v", conflict)
		}
	}
}

func (b *beside) patchCluster(body string) {
	b.Helper()
	b.patch(b.postgresql(), "user", body)
}

// setManaged writes spec.managed of the Stanza.
func (b *beside) setManaged(managed bool) {
	b.Helper()
	b.patch(b.stanza(), "user", fmt.Sprintf(`{"spec":{"managed":%t}}`, managed))
}

// cronJobGone reports an error while a CronJob is there.
func (b *beside) cronJobGone(name string) error {
	err := b.client.Get(b.Context(), b.key(name), &batchv1.CronJob{})
	if err == nil {
		return fmt.Errorf("CronJob %s is there", name)
	}
	return client.IgnoreNotFound(err)
}
