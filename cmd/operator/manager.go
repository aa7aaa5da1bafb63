// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/metrics"
	"github.com/stanzaflow/stanzaflow/internal/reconcile"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/archiving"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// managerOptions are the flags of the manager.
type managerOptions struct {
	metrics               metrics.Endpoint
	healthAddress         string
	leaderElect           bool
	namespace             string
	watched               string
	mode                  string
	operatorConfiguration string
	argoCD                bool
	watchInterval         time.Duration
	window                time.Duration
	startOverdue          bool
}

func managerCommand() *cobra.Command {
	var options managerOptions
	command := &cobra.Command{
		Use:   "manager",
		Short: "Run the operator",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return manage(cmd.Context(), options) },
	}
	flags := command.Flags()
	addMetricsFlags(flags, &options.metrics)
	flags.StringVar(&options.healthAddress, "health-probe-bind-address", ":8081", "where to serve /healthz and /readyz")
	flags.BoolVar(&options.leaderElect, "leader-elect", false, "wait for a lease, so that only one of several replicas is active")
	flags.StringVar(&options.mode, "mode", vocab.ModeStandalone, modeHelp)
	flags.BoolVar(&options.argoCD, "argocd", false, "have Argo CD show the CronWorkflows in the application of their postgresql or Stanza")
	flags.DurationVar(&options.watchInterval, "watch-interval", defaultWatchInterval, "how often to ask every cluster between its runs whether its WAL is archived and what its repos list: 1m to 1h, a divisor of an hour; 0 for never")
	addWindowFlag(flags, &options.window)
	flags.BoolVar(&options.startOverdue, "start-overdue", false, "start the backup of a schedule that is overdue without waiting for its next slot, as after an outage of the store; spec.startOverdue of a Stanza comes first")
	options.addClusterFlags(flags)
	return command
}

// defaultWatchInterval is short enough for archive_timeout of CPO, and cheap for a fleet.
const defaultWatchInterval = 5 * time.Minute

// addClusterFlags adds the flags that say for which clusters the operator works.
func (options *managerOptions) addClusterFlags(flags *pflag.FlagSet) {
	flags.StringVar(&options.namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace of the operator, where it keeps the certificates that it issues; by default POD_NAMESPACE")
	flags.StringVar(&options.watched, "namespaces", "", "namespaces to watch for postgresql resources, separated by commas; empty for all. The operator then needs rights only in these and in its own namespace")
	flags.StringVar(&options.operatorConfiguration, "operator-configuration", "", "NAMESPACE/NAME of the OperatorConfiguration of the CPO whose clusters are meant, in mode "+vocab.ModeAlongside+"; needed only if there are several")
}

func manage(ctx context.Context, options managerOptions) error {
	page := newPage()
	options.metrics.Page = page
	mgr, clusters, err := newManager(options, false)
	if err != nil {
		return err
	}
	collectOften()
	limitMemory(memlimit.FromCgroup, ctrl.Log)
	collector, err := showMetrics(page, mgr, options.mode)
	if err != nil {
		return err
	}
	clusters.Metrics = collector
	return start(ctx, mgr, clusters)
}

// cacheSyncTimeout is how long the first lists may take. After that the operator ends, so that
// somebody sees that it reads nothing, as without the rights. With the default of two minutes
// a slow API server and a large fleet would end it again at each start.
const cacheSyncTimeout = 15 * time.Minute

// newManager returns a manager for the clusters of some options. With release it is
// to give them back to CPO.
func newManager(options managerOptions, release bool) (ctrl.Manager, reconcile.Options, error) {
	clusters := reconcile.Options{Namespace: options.namespace, Release: release, ArgoCD: options.argoCD, WatchInterval: options.watchInterval, Window: options.window, StartOverdue: options.startOverdue, Version: version}
	if options.namespace == "" {
		return nil, clusters, errors.New("the namespace of the operator is unknown: set --namespace or POD_NAMESPACE")
	}
	if err := archiving.CheckInterval(options.watchInterval); err != nil {
		return nil, clusters, fmt.Errorf("--watch-interval: %w", err)
	}
	if err := schedule.CheckWindow(options.window); err != nil {
		return nil, clusters, fmt.Errorf("--%s %w", flagWindow, err)
	}
	var err error
	if clusters.Namespaces, err = namespaceList(options.watched); err != nil {
		return nil, clusters, err
	}
	if clusters.Provisioner, err = provisionerOf(options.mode); err != nil {
		return nil, clusters, err
	}
	if err := checkOperatorConfiguration(options.operatorConfiguration, clusters.Provisioner); err != nil {
		return nil, clusters, err
	}
	clusters.OperatorConfiguration = options.operatorConfiguration
	ctrl.SetLogger(zap.New())
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, wfv1.AddToScheme, stanzaflowv1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, clusters, fmt.Errorf("cannot register the kinds: %w", err)
		}
	}
	endpoint, err := options.metrics.Server()
	if err != nil {
		return nil, clusters, fmt.Errorf("cannot serve metrics: %w", err)
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, clusters, err
	}
	mgr, err := ctrl.NewManager(config, options.control(scheme, endpoint, clusters))
	if err != nil {
		return nil, clusters, fmt.Errorf("cannot create the manager: %w", err)
	}
	return mgr, clusters, nil
}

// control are the options of the manager for some clusters.
func (options managerOptions) control(scheme *runtime.Scheme, endpoint server.Options, clusters reconcile.Options) ctrl.Options {
	return ctrl.Options{
		Scheme:                        scheme,
		NewCache:                      reconcile.NewCache,
		Cache:                         reconcile.CacheOptions(clusters),
		Metrics:                       endpoint,
		HealthProbeBindAddress:        options.healthAddress,
		LeaderElection:                options.leaderElect,
		LeaderElectionID:              "manager." + vocab.Domain,
		LeaderElectionNamespace:       options.namespace,
		LeaderElectionReleaseOnCancel: true,
		Controller:                    ctrlconfig.Controller{CacheSyncTimeout: cacheSyncTimeout},
	}
}

// start runs a manager until its context ends.
func start(ctx context.Context, mgr ctrl.Manager, clusters reconcile.Options) error {
	if err := reconcile.New(mgr, clock.RealClock{}, clusters).Setup(ctx, mgr); err != nil {
		return fmt.Errorf("cannot set up the controller: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.Start(ctx)
}
