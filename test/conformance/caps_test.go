// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v3/workflow/sync"
	"github.com/argoproj/argo-workflows/v3/workflow/validate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/waitlist"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/internal/given"
)

func withCaps(t *testing.T) *wfv1.WorkflowTemplate {
	t.Helper()
	built := plain(t).With(t, filepath.Join(root, "workflows/components/caps/kustomization.yaml"))
	return given.Typed[wfv1.WorkflowTemplate](t, built.Name(), built.Object)
}

// TestCapsCoverEveryBackup: each pod that makes a backup runs below the cap, and below it
// the mutex of its cluster; nothing else takes a slot.
func TestCapsCoverEveryBackup(t *testing.T) {
	template := withCaps(t)
	if want, got := (contract.Cap{Namespace: "argo", Name: vocab.CapsConfigMap, Key: "all"}), contract.Caps(template); len(got) != 1 || got[0] != want {
		t.Errorf("caps %+v, want %+v", got, want)
	}
	capped := map[string]bool{}
	for i := range template.Spec.Templates {
		one := &template.Spec.Templates[i]
		if one.Synchronization == nil || len(one.Synchronization.Mutexes) == 0 || one.DAG == nil {
			continue
		}
		for _, task := range one.DAG.Tasks {
			if inner := template.GetTemplateByName(task.Template); inner.Synchronization != nil && len(inner.Synchronization.Semaphores) == 1 && len(inner.Synchronization.Mutexes) == 0 {
				capped[one.Name] = true
			}
		}
	}
	base := given.Typed[wfv1.WorkflowTemplate](t, plain(t).Name(), plain(t).Object)
	for _, one := range base.Spec.Templates {
		// What holds the mutex makes a backup, except the stanza.
		if locked := one.Synchronization != nil && one.Name != vocab.EntrypointStanza; locked != capped[one.Name] {
			t.Errorf("template %s: under a cap is %v, want %v", one.Name, capped[one.Name], locked)
		}
	}
}

// templateIn is the template of a run in a folder.
func templateIn(t *testing.T, folder string) *wfv1.WorkflowTemplate {
	t.Helper()
	for _, object := range kustomized(t, filepath.Join(root, folder)) {
		if object["kind"] == "WorkflowTemplate" && object["metadata"].(map[string]any)["name"] == vocab.DefaultWorkflowTemplate {
			return given.Typed[wfv1.WorkflowTemplate](t, folder, object)
		}
	}
	t.Fatalf("%s has no WorkflowTemplate of a run", folder)
	return nil
}

// TestNoBackupWithoutTheLock: Argo refuses a run that somebody starts at a template below the
// lock of its cluster, as Argo's UI offers each, and starts one at every entrypoint.
func TestNoBackupWithoutTheLock(t *testing.T) {
	for folder, template := range map[string]*wfv1.WorkflowTemplate{"workflows/components/caps": withCaps(t), "examples/caps/bucket": templateIn(t, "examples/caps/bucket")} {
		started := func(entrypoint string) error {
			w := &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{Namespace: "cpo", GenerateName: "by-hand-"}}
			w.Spec.WorkflowTemplateRef, w.Spec.Entrypoint = &wfv1.WorkflowTemplateRef{Name: template.Name}, entrypoint
			w.Spec.Arguments.Parameters = []wfv1.Parameter{{Name: vocab.ParamCluster, Value: wfv1.AnyStringPtr("shop")}}
			return validate.ValidateWorkflow(templates{template.Name: template}, noClusterTemplates, w, nil, validate.ValidateOpts{})
		}
		capped := 0
		for i := range template.Spec.Templates {
			one := &template.Spec.Templates[i]
			if one.Synchronization == nil || len(one.Synchronization.Semaphores) == 0 {
				continue
			}
			capped++
			if err := started(one.Name); err == nil || !strings.Contains(err.Error(), "inputs.parameters.lock was not supplied") {
				t.Errorf("%s: a run begins at %s without the lock of its cluster: %v", folder, one.Name, err)
			}
		}
		if capped == 0 {
			t.Errorf("%s caps nothing", folder)
		}
		for _, entrypoint := range []string{"", vocab.EntrypointBackup, vocab.EntrypointBackupDAG, vocab.EntrypointBackupCompact, vocab.EntrypointPredeploy} {
			if err := started(entrypoint); err != nil {
				t.Errorf("%s: entrypoint %q: %v", folder, entrypoint, err)
			}
		}
	}
}

// TestCapsAreShipped: the ConfigMap that the docs say to create has every key that the
// component names.
func TestCapsAreShipped(t *testing.T) {
	file := filepath.Join(root, "deploy/argo/caps.yaml")
	configMap := given.Typed[corev1.ConfigMap](t, file, given.Documents(t, file)[0])
	for _, one := range contract.Caps(withCaps(t)) {
		if configMap.Namespace != one.Namespace || configMap.Name != one.Name {
			t.Errorf("the ConfigMap is %s/%s, want that of %+v", configMap.Namespace, configMap.Name, one)
		}
		if slots, err := strconv.Atoi(configMap.Data[one.Key]); err != nil || slots < 1 {
			t.Errorf("cap %s has %q slots", one.Key, configMap.Data[one.Key])
		}
	}
}

// TestBucketIsOutsideTheFleet: in the example with a cap of a bucket, a run takes its mutex,
// then the bucket, then the fleet.
func TestBucketIsOutsideTheFleet(t *testing.T) {
	for _, object := range kustomized(t, filepath.Join(root, "examples/caps/bucket")) {
		if object["kind"] != "WorkflowTemplate" || object["metadata"].(map[string]any)["name"] != vocab.DefaultWorkflowTemplate {
			continue
		}
		template := given.Typed[wfv1.WorkflowTemplate](t, "examples/caps/bucket", object)
		if err := validate.ValidateWorkflowTemplate(templates{}, noClusterTemplates, template, nil, validate.ValidateOpts{}); err != nil {
			t.Error(err)
		}
		if findings := contract.Check(template); len(findings) > 0 {
			t.Errorf("the contract: %q", findings)
		}
		for entrypoint, first := range map[string]string{
			vocab.EntrypointBackup: vocab.EntrypointBackup, vocab.EntrypointBackupDAG: vocab.EntrypointBackupDAG, vocab.EntrypointPredeploy: "predeploy-make",
		} {
			var locks []string
			for one := template.GetTemplateByName(first); one.Synchronization != nil; one = template.GetTemplateByName(one.DAG.Tasks[0].Template) {
				for _, m := range one.Synchronization.Mutexes {
					locks = append(locks, m.Name)
				}
				for _, s := range one.Synchronization.Semaphores {
					locks = append(locks, s.Namespace+" "+s.ConfigMapKeyRef.Key)
				}
				if one.DAG == nil {
					break
				}
			}
			if want := []string{"pgbackrest-{{workflow.parameters.cluster}}", "argo bucket-zurich", "argo all"}; !slices.Equal(locks, want) {
				t.Errorf("entrypoint %s takes %q, want %q", entrypoint, locks, want)
			}
		}
		return
	}
	t.Error("the example has no WorkflowTemplate of a run")
}

// argo is Argo's own lock manager, and runs that ask it for locks.
type argo struct {
	t       *testing.T
	manager *sync.Manager
	slots   int
	// missing: there is no ConfigMap with the number of slots.
	missing bool
	woken   []string
	runs    map[string]*wfv1.Workflow
}

func newArgo(t *testing.T, slots int) *argo {
	t.Helper()
	a := &argo{t: t, slots: slots, runs: map[string]*wfv1.Workflow{}}
	a.start()
	return a
}

// start is that of Argo's controller, which knows the locks from the Workflows.
func (a *argo) start() {
	a.t.Helper()
	limit := func(string) (int, error) {
		if a.missing {
			return 0, errors.New("there is no ConfigMap")
		}
		return a.slots, nil
	}
	a.manager = sync.NewLockManager(a.t.Context(), fake.NewClientset(), "argo", nil, limit, func(key string) { a.woken = append(a.woken, key) }, func(string) bool { return true })
	var running []wfv1.Workflow
	for _, w := range a.runs {
		running = append(running, *w)
	}
	if _, err := a.manager.Initialize(a.t.Context(), running); err != nil {
		a.t.Fatal(err)
	}
}

var aMoment = time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC)

func (a *argo) create(namespace, name string, priority int32, second int) *wfv1.Workflow {
	w := &wfv1.Workflow{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: metav1.NewTime(aMoment.Add(time.Duration(second) * time.Second))}}
	w.Spec.Priority, w.Status.Phase, w.Status.Nodes = &priority, wfv1.WorkflowRunning, wfv1.Nodes{}
	a.runs[namespace+"/"+name] = w
	return w
}

// acquire has a template of a run ask for its locks, and writes down on its node what Argo's
// controller writes, markNodeWaitingForLock.
func (a *argo) acquire(w *wfv1.Workflow, template *wfv1.Template) bool {
	a.t.Helper()
	acquired, _, message, lock, err := a.manager.TryAcquire(a.t.Context(), w, template.Name, template.Synchronization)
	if err != nil {
		a.t.Fatal(err)
	}
	node := wfv1.NodeStatus{ID: template.Name, Phase: wfv1.NodeRunning}
	if !acquired {
		node.Phase, node.Message, node.SynchronizationStatus = wfv1.NodePending, message, &wfv1.NodeSynchronizationStatus{Waiting: lock}
	}
	w.Status.Nodes[node.ID] = node
	return acquired
}

// of processes a template for the cluster of a run.
func (a *argo) of(template *wfv1.WorkflowTemplate, name, cluster string) *wfv1.Template {
	a.t.Helper()
	one := template.GetTemplateByName(name).DeepCopy()
	for _, m := range one.Synchronization.Mutexes {
		m.Name = "pgbackrest-" + cluster
	}
	return one
}

// TestAFreeSlotIsNotBlocked: a run that waits for its cluster keeps no other cluster from a
// free slot. With both locks in one block it would, which is why the contract refuses that.
func TestAFreeSlotIsNotBlocked(t *testing.T) {
	template := withCaps(t)
	a := newArgo(t, 2)
	mutex, slot := a.of(template, "backup", "shop"), a.of(template, "capped-backup", "shop")
	first, second := a.create("db", "first", 0, 1), a.create("db", "second", 20, 2)
	if !a.acquire(first, mutex) || !a.acquire(first, slot) || a.acquire(second, mutex) {
		t.Fatal("the first run has no slot, or the second does not wait for it")
	}
	if waits := outcome.WaitsFor(second); waits != "run first" {
		t.Errorf("the second waits for %q", waits)
	}
	other := a.create("other", "third", 0, 3)
	if !a.acquire(other, a.of(template, "backup", "orders")) || !a.acquire(other, slot) {
		t.Error("another cluster does not get the free slot")
	}
	if outcome.WaitsFor(first)+outcome.WaitsFor(other) != "" {
		t.Errorf("runs that work wait for %q, %q", outcome.WaitsFor(first), outcome.WaitsFor(other))
	}

	a = newArgo(t, 2)
	both := func(cluster string) *wfv1.Template {
		one := a.of(template, "backup", cluster)
		one.Synchronization.Semaphores = slot.Synchronization.Semaphores
		return one
	}
	if !a.acquire(a.create("db", "first", 0, 1), both("shop")) || a.acquire(a.create("db", "second", 20, 2), both("shop")) {
		t.Fatal("the first run has no slot, or the second does not wait for it")
	}
	if a.acquire(a.create("other", "third", 0, 3), both("orders")) {
		t.Error("Argo no longer blocks a queue by a run that waits for another lock: the contract may allow one block")
	}
}

// TestPositionsAreArgosOrder: whoever is first by our count gets the slot that Argo gives
// back, whatever the namespaces, and Argo wakes that one.
func TestPositionsAreArgosOrder(t *testing.T) {
	slot := withCaps(t).GetTemplateByName("capped-backup")
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 7))
		a, queues := newArgo(t, 3), &waitlist.Queues{}
		var working []*wfv1.Workflow
		// No two were created in the same second: for those Argo has no order.
		for i, second := range random.Perm(60) {
			w := a.create(fmt.Sprintf("ns-%d", random.IntN(5)), fmt.Sprintf("run-%d", i), int32(random.IntN(3)*10), second)
			if a.acquire(w, slot) {
				working = append(working, w)
				continue
			}
			queues.See(types.NamespacedName{Namespace: w.Namespace, Name: w.Name}, outcome.FindWait(w))
		}
		if len(working) != 3 {
			t.Fatalf("seed %d: %d runs work with 3 slots", seed, len(working))
		}
		for len(working) > 0 {
			done := random.IntN(len(working))
			a.woken = nil
			a.manager.Release(t.Context(), working[done], slot.Name, slot.Synchronization)
			working = slices.Delete(working, done, done+1)
			next := a.firstOf(queues)
			if next == nil {
				continue
			}
			// Argo looks at the others, too, and must not let them through.
			for _, w := range a.waiting() {
				if w != next && a.acquire(w, slot) {
					t.Fatalf("seed %d: %s got the slot of %s", seed, w.Name, next.Name)
				}
			}
			if !a.acquire(next, slot) || !slices.Contains(a.woken, next.Namespace+"/"+next.Name) {
				t.Fatalf("seed %d: %s is first and gets no slot, or is not woken: %v", seed, next.Name, a.woken)
			}
			queues.See(types.NamespacedName{Namespace: next.Namespace, Name: next.Name}, outcome.FindWait(next))
			working = append(working, next)
		}
		if left := a.waiting(); len(left) > 0 {
			t.Errorf("seed %d: %d runs never got a slot", seed, len(left))
		}
	}
}

func (a *argo) waiting() []*wfv1.Workflow {
	var all []*wfv1.Workflow
	for _, w := range a.runs {
		if outcome.FindWait(w) != nil {
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(x, y *wfv1.Workflow) int { return cmp.Compare(x.Name, y.Name) })
	return all
}

func (a *argo) firstOf(queues *waitlist.Queues) *wfv1.Workflow {
	for _, w := range a.waiting() {
		if position, _ := queues.Position(types.NamespacedName{Namespace: w.Namespace, Name: w.Name}); position == 1 {
			return w
		}
	}
	return nil
}

// TestWithoutSlotsRunsFail shows why the operator looks for the ConfigMap: Argo fails a run
// whose cap has no number, as it does when the ConfigMap or the key is missing.
func TestWithoutSlotsRunsFail(t *testing.T) {
	a, slot := newArgo(t, 0), withCaps(t).GetTemplateByName("capped-backup")
	if _, _, _, _, err := a.manager.TryAcquire(t.Context(), a.create("db", "run", 0, 1), slot.Name, slot.Synchronization); err == nil {
		t.Error("Argo waits for a cap without slots")
	}
}

// TestNobodyGetsASlot: what keeps Argo from giving a slot that is free is in the message of the
// runs that wait for it, and Argo's controller wants a restart.
func TestNobodyGetsASlot(t *testing.T) {
	slot := withCaps(t).GetTemplateByName("capped-backup")
	message := func(w *wfv1.Workflow) string { return outcome.Read(w, aMoment).Status.Message }
	a := newArgo(t, 2)
	first, second, third := a.create("db", "first", 0, 1), a.create("db", "second", 0, 2), a.create("db", "third", 0, 3)
	if !a.acquire(first, slot) {
		t.Fatal("the first run has no slot")
	}
	a.missing = true
	if !a.acquire(second, slot) {
		t.Error("without the ConfigMap the last number of slots does not count")
	}
	if a.acquire(third, slot) || message(third) != "" {
		t.Errorf("the third run has a slot, or the message %q", message(third))
	}
	a.manager.Release(t.Context(), second, slot.Name, slot.Synchronization)
	a.missing, a.slots = false, 0
	if a.acquire(third, slot) || !strings.HasPrefix(message(third), "Argo gives the lock to nobody: Failed to get semaphore limit") {
		t.Errorf("with 0 slots the message is %q", message(third))
	}
	delete(a.runs, "db/second")
	a.start()
	a.slots = 2
	if a.acquire(third, slot) || !strings.Contains(message(third), "is in a poisoned state") {
		t.Errorf("after a start with 0 slots the message is %q", message(third))
	}
	a.start()
	if !a.acquire(third, slot) || message(third) != "" {
		t.Errorf("after another start there is no slot, or the message is %q", message(third))
	}
}

// TestASuspendedRunStopsTheQueue: Argo does not ask for a run that is suspended, and lets nobody
// pass it.
func TestASuspendedRunStopsTheQueue(t *testing.T) {
	slot := withCaps(t).GetTemplateByName("capped-backup")
	a := newArgo(t, 1)
	works, suspended, next := a.create("db", "works", 0, 1), a.create("db", "suspended", 20, 2), a.create("other", "next", 0, 3)
	if !a.acquire(works, slot) || a.acquire(suspended, slot) || a.acquire(next, slot) {
		t.Fatal("not the first alone has the slot")
	}
	suspended.Spec.Suspend = new(true)
	a.manager.Release(t.Context(), works, slot.Name, slot.Synchronization)
	if a.acquire(next, slot) {
		t.Error("Argo lets a run pass one that is suspended: docs/fleet.md may say so")
	}
	if r := outcome.Read(suspended, aMoment); !r.Stands() || !r.Suspended || !strings.Contains(r.Status.Message, "argo resume -n db suspended") {
		t.Errorf("%+v", r)
	}
}
