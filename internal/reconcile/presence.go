// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// presencePoll is how often to ask whether CPO is installed, and how it is configured.
// Everybody may ask the API server which resources it serves; a watch of CRDs would
// need a right.
const presencePoll = 10 * time.Second

// presence knows whether CPO is installed and, alongside, how it is configured.
type presence struct {
	// served returns the resources of a group and version.
	served func(ctx context.Context, groupVersion string) (*metav1.APIResourceList, error)
	// live reads the configuration of CPO, nil in mode standalone.
	live client.Reader
	// named is "<namespace>/<name>" of it, empty for the only one.
	named string
	last  atomic.Pointer[present]
}

// present is one answer.
type present struct {
	installed     bool
	configuration cpo.OperatorConfiguration
	// undecided says why it is not known which configuration holds.
	undecided string
}

func (p present) equal(other present) bool {
	return p.installed == other.installed && p.undecided == other.undecided && p.configuration.Equal(other.configuration)
}

func newPresence(mgr ctrl.Manager, options Options) (*presence, error) {
	api, err := discovery.NewDiscoveryClientForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, err
	}
	p := &presence{served: servedBy(api), named: options.OperatorConfiguration}
	if options.Provisioner == vocab.ProvisionedByCPO {
		p.live = mgr.GetAPIReader()
	}
	return p, nil
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
	now, err := p.ask(ctx)
	if err != nil {
		return false, err
	}
	last := p.last.Swap(&now)
	return last == nil || !last.equal(now), nil
}

func (p *presence) ask(ctx context.Context) (present, error) {
	now := present{configuration: cpo.DefaultOperatorConfiguration()}
	var err error
	if now.installed, err = p.askInstalled(ctx); err != nil || p.live == nil {
		return now, err
	}
	var all []cpo.OperatorConfiguration
	if now.installed {
		if all, err = p.readConfigurations(ctx); err != nil {
			return now, err
		}
	}
	chosen, err := cpo.ChooseOperatorConfiguration(all, p.named)
	if err != nil {
		now.undecided = err.Error()
		return now, nil //nolint:nilerr // asking again would give the same: every Stanza says it
	}
	now.configuration = chosen
	return now, nil
}

func (p *presence) askInstalled(ctx context.Context) (bool, error) {
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
	return installed, nil
}

// readConfigurations reads the named configuration, or all of them.
func (p *presence) readConfigurations(ctx context.Context) ([]cpo.OperatorConfiguration, error) {
	if namespace, name, ok := strings.Cut(p.named, "/"); ok {
		one := object.New(cpo.OperatorConfigurationKind)
		err := p.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, one)
		switch {
		case apierrors.IsNotFound(err):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("cannot read the OperatorConfiguration %s of CPO: %w", p.named, err)
		}
		return []cpo.OperatorConfiguration{cpo.DecodeOperatorConfiguration(one.Object)}, nil
	}
	list := object.NewList(cpo.OperatorConfigurationKind)
	if err := p.live.List(ctx, list); err != nil {
		return nil, fmt.Errorf("cannot list the OperatorConfigurations of CPO, which say by which labels its pods are found: %w", err)
	}
	all := make([]cpo.OperatorConfiguration, 0, len(list.Items))
	for i := range list.Items {
		all = append(all, cpo.DecodeOperatorConfiguration(list.Items[i].Object))
	}
	return all, nil
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
		last := c.presence.last.Load()
		switch {
		case err != nil:
			logger.Error(err, "Cannot find out whether CPO is installed and how it is configured; the last answer holds", "installed", last.installed)
		case changed:
			logger.Info("CPO was installed, removed or configured otherwise",
				"installed", last.installed, "operatorConfiguration", last.configuration.Name, "undecided", last.undecided)
			c.wakeAll()
		}
		return false, nil
	})
	return nil // the manager stops
}
