// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/packed"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/waitlist"
)

// A position changes whenever a run in front ends, and a status must not follow each time.
// It stays for a minute, or for a second for each place in front if that is longer. So the
// first 60 write once a minute each, which is a write a second, and the others behind them
// ln(10000/60) = 5 a second in a fleet of 10,000 that all wait.
const (
	positionInterval = time.Minute
	positionPlace    = time.Second
)

// positions shows how far the runs are that wait for a slot of a cap. Its zero value is
// ready.
type positions struct {
	queues waitlist.Queues

	mu    sync.Mutex
	shown map[types.NamespacedName]map[string]shownPosition
}

type shownPosition struct {
	cap          string
	position, of int
	until        time.Time
}

// show adds the positions of the runs of a cluster, and when to look at them again.
func (p *positions) show(key types.NamespacedName, runs []outcome.Run, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, is := p.shown[key], map[string]shownPosition{}
	for i := range runs {
		run := &runs[i]
		if !run.Wait.ForCap() {
			continue
		}
		name := types.NamespacedName{Namespace: key.Namespace, Name: run.Status.Workflow}
		// The handler that follows all Workflows may be late.
		p.queues.See(name, run.Wait)
		last, known := was[name.Name]
		if !known || last.cap != run.Wait.Lock || !now.Before(last.until) {
			last = shownPosition{cap: run.Wait.Lock}
			last.position, last.of = p.queues.Position(name)
			last.until = now.Add(max(positionInterval, time.Duration(last.position)*positionPlace))
		}
		run.Status.WaitsFor = fmt.Sprintf("%s, position %d of %d", run.Wait, last.position, last.of)
		run.Wake = object.Earliest(run.Wake, last.until)
		is[name.Name] = last
	}
	for name := range was {
		if _, waits := is[name]; !waits {
			p.queues.See(types.NamespacedName{Namespace: key.Namespace, Name: name}, nil)
		}
	}
	switch {
	case len(is) == 0:
		delete(p.shown, key)
	case p.shown == nil:
		p.shown = map[types.NamespacedName]map[string]shownPosition{key: is}
	default:
		p.shown[key] = is
	}
}

// follow notes which runs of all clusters wait. It wakes nobody: the runs that wait look
// themselves, every now and then.
func (p *positions) follow() handler.Funcs {
	type requests = workqueue.TypedRateLimitingInterface[reconcile.Request]
	see := func(o client.Object) {
		if workflow, ok := packed.Open(o).(*unstructured.Unstructured); ok {
			p.queues.See(client.ObjectKeyFromObject(o), object.WaitOf(workflow))
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, _ requests) { see(e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, _ requests) { see(e.ObjectNew) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, _ requests) {
			p.queues.See(client.ObjectKeyFromObject(e.Object), nil)
		},
	}
}
