// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	workflowtemplates "github.com/stanzaflow/stanzaflow/workflows"
)

const (
	namespace = "shop"
	orders    = "orders"
	uid       = "6f1f2a52-0c3d-4f0e-9d4c-2f5f0a2a7f11"
)

// begin is when every run of these tests is submitted.
var begin = time.Date(2026, time.March, 1, 2, 0, 0, 0, time.UTC)

// fakeClock stands still until a script moves it. A short wait ends at once, a long one
// only if the script says so.
type fakeClock struct {
	clock.RealClock
	mutex sync.Mutex
	now   time.Time
	long  chan time.Time
}

func newFakeClock() *fakeClock { return &fakeClock{now: begin, long: make(chan time.Time)} }

func (c *fakeClock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *fakeClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	if d > 5*time.Second {
		return c.long
	}
	return time.After(time.Millisecond)
}

func (c *fakeClock) move(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(d)
}

// scene is one thing that happens while a run is followed.
type scene struct {
	// after is how long after the scene before it.
	after time.Duration
	// workflow is the state of the Workflow from then on.
	workflow *wfv1.Workflow
	// deleted: the Workflow is deleted in this state.
	deleted bool
	// drop ends the watch.
	drop bool
	// get is the error of the next time that the Workflow is read. It ends the watch.
	get error
	// do is something else that happens.
	do func()
}

// fake is a Kubernetes cluster in a namespace of which there is one postgresql.
type fake struct {
	*testing.T
	clock *fakeClock

	postgresql    string // YAML
	postgresqlErr error
	names         []string
	listErr       error
	stanza        stanzaflowv1alpha1.Stanza
	stanzaErr     error
	contract      string
	// breakTemplate breaks the WorkflowTemplate of workflows/.
	breakTemplate func(*wfv1.WorkflowSpec)
	templateErr   error
	createErrs    []error
	// createdAnyway: a creation with an error was carried out.
	createdAnyway bool
	watchErr      error

	mutex   sync.Mutex
	created []*wfv1.Workflow
	now     *wfv1.Workflow
	script  []scene
	watches int
}

const postgresql = `
metadata: {namespace: shop, name: orders}
spec:
  numberOfInstances: 2
  backup:
    pgbackrest:
      repos:
        - {name: repo1, storage: s3, resource: backups, endpoint: s3.example.com, region: eu}
        - {name: repo3, storage: pvc, volume: {size: 10Gi}}
`

func newFake(t *testing.T, script ...scene) *fake {
	t.Helper()
	return &fake{T: t, clock: newFakeClock(), postgresql: postgresql, names: []string{orders, "customers"}, contract: vocab.TemplateContract, script: script}
}

func (f *fake) Postgresql(_ context.Context, _, name string) (cpo.Postgresql, []cpo.FieldError, error) {
	if f.postgresqlErr == nil && name != orders {
		return cpo.Postgresql{}, nil, apierrors.NewNotFound(cpo.GroupVersionResource.GroupResource(), name)
	}
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(f.postgresql), &object); err != nil {
		f.Fatal(err)
	}
	cluster, fieldErrors := cpo.Decode(object)
	return cluster, fieldErrors, f.postgresqlErr
}

func (f *fake) Postgresqls(context.Context, string) ([]string, error) {
	return f.names, f.listErr
}

func (f *fake) Stanza(context.Context, string, string) (stanzaflowv1alpha1.Stanza, error) {
	return f.stanza, f.stanzaErr
}

func (f *fake) Template(_ context.Context, _, name string) (*wfv1.WorkflowTemplate, error) {
	if f.templateErr != nil {
		return nil, f.templateErr
	}
	template, text := &wfv1.WorkflowTemplate{}, workflowtemplates.Template
	if name == vocab.DrillTemplate {
		text = workflowtemplates.Drill
	}
	if err := yaml.Unmarshal(text, template); err != nil {
		f.Fatal(err)
	}
	if name == vocab.DrillTemplate {
		return template, nil
	}
	template.Labels[vocab.LabelContract] = f.contract
	if f.breakTemplate != nil {
		f.breakTemplate(&template.Spec)
	}
	return template, nil
}

func (f *fake) Create(_ context.Context, workflow *wfv1.Workflow) (*wfv1.Workflow, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.now != nil && f.now.Name == workflow.Name {
		return nil, apierrors.NewAlreadyExists(workflows.GroupResource(), workflow.Name)
	}
	var err error
	if len(f.createErrs) > 0 {
		err, f.createErrs = f.createErrs[0], f.createErrs[1:]
	}
	if err == nil || f.createdAnyway {
		f.now = workflow.DeepCopy()
		f.now.UID, f.now.ResourceVersion, f.now.CreationTimestamp = uid, "1", metav1.NewTime(begin)
		f.created = append(f.created, f.now)
	}
	if err != nil {
		return nil, err
	}
	return f.now.DeepCopy(), nil
}

func (f *fake) Get(context.Context, string, string) (*wfv1.Workflow, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if len(f.script) > 0 && f.script[0].get != nil {
		err := f.script[0].get
		f.clock.move(f.script[0].after)
		f.script = f.script[1:]
		return nil, err
	}
	if f.watchErr != nil {
		// Without a watch everything happens between two looks.
		f.play(func(watch.Event) {})
	}
	if f.now == nil {
		return nil, apierrors.NewNotFound(workflows.GroupResource(), "the one that was deleted")
	}
	return f.now.DeepCopy(), nil
}

func (f *fake) Watch(_ context.Context, _, _, since string) (watch.Interface, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.watches++
	if f.watchErr != nil {
		return nil, f.watchErr
	}
	if f.now != nil && since != f.now.ResourceVersion {
		f.Errorf("watches since %s, want %s", since, f.now.ResourceVersion)
	}
	stream := watch.NewRaceFreeFake()
	if !f.play(func(event watch.Event) { stream.Action(event.Type, event.Object) }) {
		stream.Stop()
	}
	return stream, nil
}

// play plays the script until the watch ends, and reports whether it does not.
func (f *fake) play(send func(watch.Event)) (open bool) {
	for len(f.script) > 0 {
		next := f.script[0]
		if next.get != nil {
			return false
		}
		f.script = f.script[1:]
		f.clock.move(next.after)
		switch {
		case next.do != nil:
			next.do()
		case next.drop:
			if next.workflow != nil {
				f.set(next.workflow)
			}
			return false
		case next.deleted:
			gone := f.now.DeepCopy()
			if next.workflow != nil {
				f.set(next.workflow)
				gone = f.now
			}
			f.now = nil
			send(watch.Event{Type: watch.Deleted, Object: gone})
		default:
			f.set(next.workflow)
			send(watch.Event{Type: watch.Modified, Object: f.now.DeepCopy()})
			// One state for each watch, so that the clock is right when it is seen.
			return len(f.script) == 0
		}
	}
	return true
}

// set changes the status of the Workflow.
func (f *fake) set(state *wfv1.Workflow) {
	now := f.now.DeepCopy()
	now.Status = state.Status
	if state.UID != "" {
		now.UID = state.UID
	}
	maps.Copy(now.Labels, state.Labels)
	now.Spec.Shutdown = state.Spec.Shutdown
	now.ResourceVersion += "1"
	f.now = now
}

// session returns a Session in this cluster, and what it prints.
func (f *fake) session() (Session, *strings.Builder, *strings.Builder) {
	var out, errs strings.Builder
	return Session{
		Finder: f, Workflows: f, Clock: f.clock, Out: &out, Err: &errs, Suffix: "x7k2p", Pause: 2 * time.Second,
	}, &out, &errs
}

// rejected is what the API server says to somebody without a right.
func rejected(verb, resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Group: "argoproj.io", Resource: resource}, orders,
		fmt.Errorf("User %q cannot %s resource %q in API group %q in the namespace %q", "ada", verb, resource, "argoproj.io", namespace))
}

// unserved is what it says about a kind that it does not have.
func unserved(resource string) error {
	return apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{Resource: resource}, "", "404 page not found", 0, true)
}

// errLost is the error of a request whose answer was lost.
var errLost = fmt.Errorf("read tcp 10.0.0.1:443: connection reset by peer: %w", io.ErrUnexpectedEOF)
