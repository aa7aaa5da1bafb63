// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// managerOptions are the flags of the manager.
type managerOptions struct {
	metricsAddress, healthAddress string
	leaderElect                   bool
	namespace                     string
	watched                       string
	mode                          string
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
	flags.StringVar(&options.metricsAddress, "metrics-bind-address", ":8080", "where to serve metrics, 0 for nowhere")
	flags.StringVar(&options.healthAddress, "health-probe-bind-address", ":8081", "where to serve /healthz and /readyz")
	flags.BoolVar(&options.leaderElect, "leader-elect", false, "wait for a lease, so that only one of several replicas is active")
	flags.StringVar(&options.namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace of the operator, where it keeps the certificates that it issues; by default POD_NAMESPACE")
	flags.StringVar(&options.watched, "namespaces", "", "namespaces to watch for postgresql resources, separated by commas; empty for all. The operator then needs rights only in these and in its own namespace")
	flags.StringVar(&options.mode, "mode", vocab.ModeStandalone, modeHelp)
	return command
}

func manage(ctx context.Context, options managerOptions) error {
	if options.namespace == "" {
		return errors.New("the namespace of the operator is unknown: set --namespace or POD_NAMESPACE")
	}
	namespaces, err := namespaceList(options.watched)
	if err != nil {
		return err
	}
	provisioner, err := provisionerOf(options.mode)
	if err != nil {
		return err
	}
	clusters := reconcile.Options{Namespace: options.namespace, Namespaces: namespaces, Provisioner: provisioner}
	ctrl.SetLogger(zap.New())
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, wfv1.AddToScheme, stanzaflowv1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return fmt.Errorf("cannot register the kinds: %w", err)
		}
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         reconcile.CacheOptions(clusters),
		Metrics:                       metricsserver.Options{BindAddress: options.metricsAddress},
		HealthProbeBindAddress:        options.healthAddress,
		LeaderElection:                options.leaderElect,
		LeaderElectionID:              "manager." + vocab.Domain,
		LeaderElectionNamespace:       options.namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return fmt.Errorf("cannot create the manager: %w", err)
	}
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
