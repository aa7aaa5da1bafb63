//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// testTakesOver compares every object before and after.
func testTakesOver(b *beside, sample string, first bool) {
	b.createSample(sample)
	if !first {
		b.settle()
	}
	b.awaitCPO("Running")
	before := b.ofCPO()
	b.settle()
	b.later(0)
	b.wantSuspended(reconciletest.Full, true)
	if object.Suspended(b.get(object.CronWorkflow, reconciletest.Full)) {
		b.Error("the CronWorkflow is suspended")
	}
	b.wantSame(before)
	if entries := b.stanza().Status.CronJobs; len(entries) == 0 || entries[0].Owner != stanzaflowv1alpha1.OwnerStanzaflow {
		b.Errorf("the Stanza says %s", reconciletest.JSON(entries))
	}
	b.wantQuietBesideEvents()
	// CPO's own sync changes nothing of it.
	b.sync()
	b.wantSuspended(reconciletest.Full, true)
	b.wantQuietBesideEvents()
}

func (b *beside) wantQuietBesideEvents() {
	b.Helper()
	b.recorder.take()
	b.wantQuiet()
}

func testTakesOverAgain(b *beside) {
	b.takeOver()
	was := b.cronJob(reconciletest.Full)
	b.delete(was)
	eventually(b.T, func() error { return b.cronJobGone(reconciletest.Full) })
	b.settle()
	b.sync()
	if is := b.wantSuspended(reconciletest.Full, false); is.UID == was.UID {
		b.Error("CPO has not made another CronJob")
	}
	b.later(0)
	b.wantSuspended(reconciletest.Full, true)
}

func testUserSuspended(b *beside) {
	b.createSample("s3")
	b.awaitCPO("Running")
	b.suspend(b.cronJob(reconciletest.Full), true)
	was := b.cronJob(reconciletest.Full)
	b.settle()
	b.later(0)
	if entries := b.stanza().Status.CronJobs; len(entries) == 0 || entries[0].Owner != stanzaflowv1alpha1.OwnerUser {
		b.Errorf("the Stanza says %s", reconciletest.JSON(entries))
	}
	if object.Suspended(b.get(object.CronWorkflow, reconciletest.Full)) {
		b.Error("nobody makes the backups: the CronWorkflow is suspended too")
	}
	// Not even when everything is given back.
	b.setManaged(false)
	b.settle()
	b.later(time.Hour)
	if is := b.wantSuspended(reconciletest.Full, true); is.ResourceVersion != was.ResourceVersion {
		b.Error("the CronJob was changed")
	}
	b.wantSuspended(reconciletest.Incr, false)
}

func testUserResumed(b *beside) {
	b.takeOver()
	b.suspend(b.cronJob(reconciletest.Full), false)
	was := b.cronJob(reconciletest.Full)
	b.settle()
	b.later(time.Hour)
	if is := b.wantSuspended(reconciletest.Full, false); is.ResourceVersion != was.ResourceVersion {
		b.Error("the CronJob was changed")
	}
	if !object.Suspended(b.get(object.CronWorkflow, reconciletest.Full)) {
		b.Error("the CronWorkflow is in force beside the CronJob")
	}
	b.wantSuspended(reconciletest.Incr, true)
}

func testGivesBack(b *beside) {
	b.takeOver()
	before := b.ofCPO()
	b.setManaged(false)
	b.settle()
	b.later(time.Hour)
	b.wantSuspended(reconciletest.Full, false)
	b.wantSuspended(reconciletest.Incr, false)
	b.wantSame(before)
	b.gone(object.CronWorkflow, reconciletest.Full)
	b.setManaged(true)
	b.settle()
	b.later(time.Minute)
	b.wantSuspended(reconciletest.Full, true)
}

// setSchedules edits the schedules of the only repo.
func (b *beside) setSchedules(schedule map[string]any) {
	b.Helper()
	repos, _, _ := unstructured.NestedSlice(b.postgresql().Object, "spec", "backup", "pgbackrest", "repos")
	repos[0].(map[string]any)["schedule"] = schedule
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"backup": map[string]any{"pgbackrest": map[string]any{"repos": repos}}}})
	if err != nil {
		b.Fatal(err)
	}
	b.patchCluster(string(body))
}

func testEditedSchedule(b *beside) {
	b.takeOver()
	b.setSchedules(map[string]any{"full": b.daily(5)})
	b.settle()
	eventually(b.T, func() error {
		if got := b.cronJob(reconciletest.Full).Spec.Schedule; got != b.daily(5) {
			return fmt.Errorf("CPO's schedule is %s", got)
		}
		return b.cronJobGone(reconciletest.Incr)
	})
	b.settle()
	b.wantSuspended(reconciletest.Full, true)
	if got := reconciletest.JSON(b.get(object.CronWorkflow, reconciletest.Full).Object["spec"]); !strings.Contains(got, b.daily(5)) {
		b.Errorf("our schedule is not %s: %s", b.daily(5), got)
	}
	b.later(time.Hour)
	b.gone(object.CronWorkflow, reconciletest.Incr)
}

func testRestoredByCPO(b *beside) {
	b.takeOver()
	b.patchCluster(`{"spec":{"backup":{"pgbackrest":{"restore":{"id":"r1","repo":"repo1","options":{"type":"immediate"}}}}}}`)
	b.settle()
	eventually(b.T, func() error {
		b.settle()
		if got := b.postgresql().Object["status"].(map[string]any); got["RestoreID"] != "r1" || got["PostgresClusterStatus"] != "Running" {
			return fmt.Errorf("status is %v", got)
		}
		return nil
	})
	b.settle()
	b.later(time.Minute)
	b.wantSuspended(reconciletest.Full, true)
	if object.Suspended(b.get(object.CronWorkflow, reconciletest.Full)) {
		b.Error("the CronWorkflow is suspended after the restore")
	}
}

func testDeletedBesideCPO(b *beside) {
	b.takeOver()
	b.delete(b.postgresql())
	eventually(b.T, func() error {
		b.settle()
		var left corev1.ConfigMapList
		if err := b.client.List(b.Context(), &left, client.InNamespace(b.namespace)); err != nil {
			return err
		}
		if len(left.Items) > 0 {
			return fmt.Errorf("ConfigMap %s is there", left.Items[0].Name)
		}
		return b.cronJobGone(reconciletest.Full)
	})
	b.later(time.Hour)
	b.gone(object.CronWorkflow, reconciletest.Full)
	b.gone(object.Stanza, reconciletest.Cluster)
}

// testLongNameBesideCPO has a cluster of which CPO makes, overwrites and deletes one
// CronJob for all types at each sync. We have its schedules, and leave the CronJob alone.
func testLongNameBesideCPO(b *beside) {
	const long = "a-cluster-with-a-name-of-forty-characters"
	o := b.createSample("s3")
	o = o.DeepCopy()
	o.SetName(long)
	o.SetResourceVersion("")
	o.SetUID("")
	b.create(o)
	b.awaitCPO("Running")
	request := b.request()
	request.Name = long
	// By the true clock: CPO deletes the CronJob within the sync that has created it, and a
	// pass in between must see that it has just been created.
	b.clock.SetTime(time.Now())
	began := len(b.written())
	for range 5 {
		if _, err := b.controller.Reconcile(b.Context(), request); err != nil {
			b.Fatal(err)
		}
		b.sync()
	}
	for _, write := range b.written()[began:] {
		if strings.Contains(write, "/cronjobs/") {
			b.Errorf("the operator wrote: %s", write)
		}
	}
	list := object.NewList(object.CronWorkflow)
	if err := b.client.List(b.Context(), list, client.InNamespace(b.namespace), client.MatchingLabels{vocab.LabelCluster: long}); err != nil {
		b.Fatal(err)
	}
	inForce := 0
	for i := range list.Items {
		if !object.Suspended(&list.Items[i]) {
			inForce++
		}
	}
	if inForce != 2 {
		b.Errorf("%d CronWorkflows are in force, want 2", inForce)
	}
}

// testReleases gives everything back before an uninstall: no Stanza asks for it.
func testReleases(b *beside) {
	b.takeOver()
	before := b.ofCPO()
	unreleased := func(want int) {
		b.Helper()
		left, err := FindUnreleased(b.Context(), b.client, []string{b.namespace})
		if err != nil {
			b.Fatal(err)
		}
		if len(left.CronJobs) != want || len(left.CronWorkflows) != want {
			b.Errorf("got %+v, want %d CronJobs and CronWorkflows", left, want)
		}
	}
	unreleased(2)
	b.controller.options.Release = true
	b.settle()
	b.later(time.Hour)
	unreleased(0)
	b.wantSuspended(reconciletest.Full, false)
	b.wantSame(before)
	b.want(vocab.ConditionReady, "Unknown", vocab.ReasonNotManaged)
}
