// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/stanzaflow/stanzaflow/internal/metrics"
	"github.com/stanzaflow/stanzaflow/internal/reconcile"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// releasePoll is how often to look what is left.
const releasePoll = 2 * time.Second

// releaseOptions are the flags of release.
type releaseOptions struct {
	managerOptions

	all            bool
	timeout, lease time.Duration
}

func releaseCommand() *cobra.Command {
	options := releaseOptions{managerOptions: managerOptions{metrics: metrics.Endpoint{Address: "0"}, healthAddress: "0", leaderElect: true, mode: vocab.ModeAlongside}}
	command := &cobra.Command{
		Use:   "release --all",
		Short: "Give every CronJob of CPO back, before Stanzaflow is uninstalled",
		Long: `Give every CronJob of CPO back, before Stanzaflow is uninstalled.

In mode alongside the CronJobs of CPO are suspended. Without Stanzaflow they would
stay so, and nobody would make backups. This command suspends the CronWorkflows,
waits until their runs have ended, deletes them and resumes the CronJobs that
Stanzaflow has suspended. It works only while the operator does not run: it takes the
operator's lease. To give one cluster back, set spec.managed to false in its Stanza.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !options.all {
				return errors.New("release gives all clusters back: write release --all; to give one back, set spec.managed to false in its Stanza")
			}
			return release(cmd.Context(), clock.RealClock{}, options, cmd.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.BoolVar(&options.all, "all", false, "give all clusters back")
	flags.DurationVar(&options.timeout, "timeout", time.Hour, "how long to wait for runs that are running; nothing is lost when it is over, and the command can be run again")
	flags.DurationVar(&options.lease, "lease-timeout", 45*time.Second, "how long to wait for the lease of an operator that was just stopped")
	options.addClusterFlags(flags)
	return command
}

func release(ctx context.Context, clk clock.Clock, options releaseOptions, out io.Writer) error {
	mgr, clusters, err := newManager(options.managerOptions, true)
	if err != nil {
		return err
	}
	held, err := reconcile.FindUnreleased(ctx, mgr.GetAPIReader(), clusters.Namespaces)
	if err != nil {
		return err
	}
	if len(held.CronJobs) == 0 {
		printLine(out, "No CronJob of CPO is suspended by Stanzaflow: nothing to give back")
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- start(ctx, mgr, clusters) }()
	select {
	case <-mgr.Elected():
	case err := <-ended:
		return err
	case <-clk.After(options.lease):
		return fmt.Errorf("the operator runs in namespace %s and would take the CronJobs over again: stop it with kubectl -n %[1]s scale deployment/stanzaflow --replicas=0, and run this command again", options.namespace)
	}
	err = awaitRelease(ctx, clk, mgr, clusters, options.timeout, out)
	cancel()
	if stopped := <-ended; err == nil {
		err = stopped // such as that the lease could not be given up
	}
	return err
}

// awaitRelease waits until nothing is left, and says what is, whenever that changes.
func awaitRelease(ctx context.Context, clk clock.Clock, mgr ctrl.Manager, clusters reconcile.Options, timeout time.Duration, out io.Writer) error {
	deadline, last := clk.Now().Add(timeout), ""
	for {
		found, err := reconcile.FindUnreleased(ctx, mgr.GetAPIReader(), clusters.Namespaces)
		if err != nil {
			return err
		}
		if len(found.CronJobs)+len(found.CronWorkflows) == 0 {
			printLine(out, "Every CronJob of CPO that Stanzaflow had suspended is resumed, and no CronWorkflow is left")
			if len(found.Deadlines) > 0 {
				printLine(out, "These have spec.startingDeadlineSeconds, so that the slot that Stanzaflow has had does not start again; after their next slot you may remove it: %s", listOf(found.Deadlines))
			}
			return nil
		}
		left := fmt.Sprintf("suspended CronJobs: %s; CronWorkflows: %s", listOf(found.CronJobs), listOf(found.CronWorkflows))
		if left != last {
			printLine(out, "Waiting: %s", left)
			last = left
		}
		if clk.Now().After(deadline) {
			return fmt.Errorf("after %s something is left, do not uninstall yet: %s; see which runs continue with kubectl get workflows -A -l %s=%s, and run this command again", timeout, left, vocab.LabelManagedBy, vocab.ManagedBy)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-clk.After(releasePoll):
		}
	}
}

func listOf(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
