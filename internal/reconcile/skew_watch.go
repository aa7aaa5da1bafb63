// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/status"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// skewPoll is how often to look at the policies and the CRD. A watch would need
// the right to list all policies of the cluster, and would hang without it.
const skewPoll = 30 * time.Second

// skewMemory has the last findings, so that a pass reads nothing.
type skewMemory struct {
	from  installed
	by    vocab.Provisioner
	mu    sync.Mutex
	known bool
	found status.Skew
}

func newSkewMemory(mgr ctrl.Manager, by vocab.Provisioner) (*skewMemory, error) {
	api, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, err
	}
	return &skewMemory{from: apiServer{live: mgr.GetAPIReader(), document: openAPI(api)}, by: by}, nil
}

func openAPI(api discovery.DiscoveryInterface) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, path string) ([]byte, error) {
		return api.RESTClient().Get().AbsPath(path).SetHeader("Accept", "application/json").Do(ctx).Raw()
	}
}

// get returns the last findings. The first pass looks: otherwise every restart
// would write the status twice.
func (m *skewMemory) get(ctx context.Context) status.Skew {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known {
		m.lookAgain(ctx)
	}
	return m.found
}

// look looks again, and reports whether something has changed.
func (m *skewMemory) look(ctx context.Context) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, known := m.found, m.known
	m.lookAgain(ctx)
	return !known || !reflect.DeepEqual(before, m.found)
}

// lookAgain keeps the last findings if the API server does not answer.
func (m *skewMemory) lookAgain(ctx context.Context) {
	found, err := lookForSkew(ctx, m.from, m.by)
	if err == nil {
		m.found, m.known = found, true
		return
	}
	log.FromContext(ctx).Error(err, "Cannot find out whether the policies and the CRD fit the operator")
	if !m.known {
		m.known = true
		m.found = status.Skew{Notes: []status.Finding{{
			Reason:  vocab.ReasonSkewUnknown,
			Message: "it is unknown whether the admission policies and the CRD of Stanza belong to the operator's release: they could not be read, and the operator's log says why",
		}}}
	}
}

// watchSkew looks at intervals, and wakes every cluster after a change.
func (c *Controller) watchSkew(ctx context.Context) error {
	_ = wait.PollUntilContextCancel(ctx, c.skewPoll, false, func(ctx context.Context) (bool, error) {
		if c.skew.look(ctx) {
			c.wakeAll()
		}
		return false, nil
	})
	return nil // the manager stops
}

// wakeAll starts a pass over every cluster and every namespace. A wake that waits to be
// taken is enough for this one, too.
func (c *Controller) wakeAll() {
	for _, wake := range []chan event.GenericEvent{c.wake, c.watching.wake} {
		select {
		case wake <- event.GenericEvent{Object: object.New(cpo.GroupVersionKind)}:
		default:
		}
	}
}
