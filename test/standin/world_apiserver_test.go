//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stanzaflow/stanzaflow/internal/apiservertest"
	"github.com/stanzaflow/stanzaflow/internal/cpo/cpotest"
)

// TestStandin checks every behaviour of the stand-in against what the real CPO did.
func TestStandin(t *testing.T) {
	s := &server{config: apiservertest.Start(t, "../../deploy/crds/cpo.opensource.cybertec.at_postgresqls.yaml")}
	for name, test := range map[string]func(*testing.T, *server){
		"merges its schema over ours":                           testRegisters,
		"makes what CPO makes":                                  testMakesWhatCPOMakes,
		"keeps the order of lines":                              testKeepsTheOrderOfLines,
		"creates CronJobs after the last pod":                   testCronJobsAfterPods,
		"gives all types of a long name one CronJob":            testLongName,
		"cannot make a repo host whose repo is not repo1":       testRepoName,
		"reads an empty schedule as 00:30":                      testEmptySchedule,
		"keeps suspend, limits and deadlines, and wipes labels": testUpdateKeeps,
		"owns the fields that CPO owns":                         testManagedFields,
		"stops a sync at a conflict and says who caused it":     testConflict,
		"creates again what was deleted":                        testCreatesAgain,
		"deletes the CronJob of a type that is gone":            testDeletesType,
		"keeps CronJobs without backup until the next sync":     testBackupRemoved,
		"leaves a resource of another controller alone":         testController,
		"restores":                         testRestore,
		"deletes claims of other clusters": testDelete,
		"continues after it was killed":    testKilled,
		"uses other labels":                testLabels,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

// server is an API server without any controller.
type server struct{ config *rest.Config }

// world is a namespace with a stand-in in it.
type world struct {
	*testing.T

	server    *server
	namespace string
	client    client.Client
	options   Options
	operator  *Operator
	kill      func()
}

// world starts a stand-in for a new namespace.
func (s *server) world(t *testing.T, namespace string, options Options) *world {
	t.Helper()
	c, err := client.New(s.config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, server: s, namespace: namespace, client: client.WithFieldOwner(c, "user")}
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	options.Namespace = namespace
	options.Logf = t.Logf
	options.Record = &Record{}
	w.options = options
	pods, err := NewPods(s.config, options)
	if err != nil {
		t.Fatal(err)
	}
	pods.WithoutControllers = true
	w.inBackground(pods.Run)
	w.start()
	return w
}

// start starts the stand-in; kill ends it.
func (w *world) start() {
	w.Helper()
	operator, err := New(w.server.config, w.options)
	if err != nil {
		w.Fatal(err)
	}
	if err := operator.Register(w.Context()); err != nil {
		w.Fatal(err)
	}
	w.operator = operator
	w.kill = w.inBackground(func(ctx context.Context) {
		if err := operator.Run(ctx); err != nil {
			w.Error(err)
		}
	})
}

// inBackground runs a function until the returned one is called, or the test ends.
func (w *world) inBackground(run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	var wg sync.WaitGroup
	wg.Go(func() { run(ctx) })
	stop = func() { cancel(); wg.Wait() }
	w.Cleanup(stop)
	return stop
}

// applySample creates what a case applied, in this namespace.
func (w *world) applySample(folder string, change ...func(*unstructured.Unstructured)) {
	w.Helper()
	for _, file := range []string{"manifest-secret.yaml", "manifest.yaml"} {
		data, err := fs.ReadFile(cpotest.Samples(), folder+"/"+file)
		if err != nil {
			continue // Not every case has a Secret.
		}
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(data, o); err != nil {
			w.Fatal(err)
		}
		o.SetNamespace(w.namespace)
		if file == "manifest.yaml" {
			for _, f := range change {
				f(o)
			}
		}
		if err := w.client.Create(w.Context(), o); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) get(version, kind, name string) *unstructured.Unstructured {
	w.Helper()
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(version)
	o.SetKind(kind)
	if err := w.client.Get(w.Context(), client.ObjectKey{Namespace: w.namespace, Name: name}, o); err != nil {
		w.Fatalf("%s %s: %v", kind, name, err)
	}
	return o
}

func (w *world) cronJob(name string) *batchv1.CronJob {
	w.Helper()
	cronJob := &batchv1.CronJob{}
	if err := w.client.Get(w.Context(), client.ObjectKey{Namespace: w.namespace, Name: name}, cronJob); err != nil {
		w.Fatal(err)
	}
	return cronJob
}

// patch merges JSON into an object, as another field manager.
func (w *world) patch(o client.Object, body string) {
	w.Helper()
	if err := w.client.Patch(w.Context(), o, client.RawPatch(types.MergePatchType, []byte(body))); err != nil {
		w.Fatal(err)
	}
}

func (w *world) patchPostgresql(body string) {
	w.Helper()
	w.patch(w.postgresql("cluster"), body)
}

func (w *world) postgresql(name string) *unstructured.Unstructured {
	w.Helper()
	return w.get("cpo.opensource.cybertec.at/v1", "postgresql", name)
}

func (w *world) status(name string) Status {
	w.Helper()
	p, err := Decode(w.postgresql(name))
	if err != nil {
		w.Fatal(err)
	}
	return p.Status
}

func (w *world) awaitStatus(name, want string) {
	w.Helper()
	w.eventually(func() error {
		if got := w.status(name).Cluster; got != want {
			return fmt.Errorf("postgresql %s is %q, want %s", name, got, want)
		}
		return nil
	})
}

func (w *world) eventually(check func() error) {
	w.Helper()
	if err := apiservertest.Poll(check); err != nil {
		w.Fatal(err)
	}
}

// sync does one periodic sync of every cluster and waits for its end.
func (w *world) sync() {
	w.Helper()
	before := w.options.Record.Syncs()
	w.operator.SyncAll()
	w.eventually(func() error {
		if w.options.Record.Syncs() == before {
			return fmt.Errorf("no sync has ended")
		}
		return nil
	})
}

const (
	fullJob = "pgbackrest-cluster-repo1-full"
	incrJob = "pgbackrest-cluster-repo1-incr"
)
