// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// presencePoll is how often to ask whether CPO is installed. Everybody may ask the
// API server which resources it serves; a watch of CRDs would need a right.
const presencePoll = 10 * time.Second

// presence knows whether CPO is installed.
type presence struct {
	// served returns the resources of a group and version.
	served    func(ctx context.Context, groupVersion string) (*metav1.APIResourceList, error)
	installed atomic.Bool
}

func newPresence(mgr ctrl.Manager) (*presence, error) {
	api, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, err
	}
	return &presence{served: servedBy(api)}, nil
}

func servedBy(api discovery.DiscoveryInterface) func(context.Context, string) (*metav1.APIResourceList, error) {
	return func(ctx context.Context, groupVersion string) (*metav1.APIResourceList, error) {
		list := &metav1.APIResourceList{}
		return list, api.RESTClient().Get().AbsPath("/apis/" + groupVersion).Do(ctx).Into(list)
	}
}

// look asks again, and reports whether something has changed. After an error the
// last answer holds.
func (p *presence) look(ctx context.Context) (changed bool, err error) {
	groupVersion := cpo.GroupVersionKind.GroupVersion().String()
	list, err := p.served(ctx, groupVersion)
	if err != nil {
		return false, fmt.Errorf("cannot list the resources of %s: %w", groupVersion, err)
	}
	resources := make([]string, 0, len(list.APIResources))
	for _, resource := range list.APIResources {
		resources = append(resources, resource.Name)
	}
	installed, complete := cpo.Installed(resources)
	if !complete {
		return false, errors.New("the API server does not serve " + cpo.GroupVersionResource.String())
	}
	return p.installed.Swap(installed) != installed, nil
}

// onEveryReplica runs without the lease, too: a replica that becomes the leader must
// not begin with the answer of its start.
type onEveryReplica func(context.Context) error

// Start implements manager.Runnable.
func (f onEveryReplica) Start(ctx context.Context) error { return f(ctx) }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (f onEveryReplica) NeedLeaderElection() bool { return false }

// watchPresence asks at intervals, and wakes every cluster after a change.
func (c *Controller) watchPresence(ctx context.Context) error {
	logger := log.FromContext(ctx).WithName(controllerName)
	_ = wait.PollUntilContextCancel(ctx, c.presencePoll, false, func(ctx context.Context) (bool, error) {
		changed, err := c.presence.look(ctx)
		switch {
		case err != nil:
			logger.Error(err, "Cannot find out whether CPO is installed", "asIfInstalled", c.presence.installed.Load())
		case changed:
			logger.Info("CPO was installed or removed", "installed", c.presence.installed.Load())
			c.wakeAll()
		}
		return false, nil
	})
	return nil // the manager stops
}
