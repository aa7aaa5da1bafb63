// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/watch"
)

func watchCommand() *cobra.Command {
	var options watch.Options
	var kubectl kubectlFlags
	command := &cobra.Command{
		Use:   "watch",
		Short: "Ask all clusters of a namespace how their archiving is; the WorkflowTemplate pgbackrest-watch calls it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, namespace, err := kubectl.load()
			if err != nil {
				return err
			}
			options.Namespace = namespace
			client, err := remote.New(config)
			if err != nil {
				return err
			}
			env := watch.Env{Lister: client, Finder: client, Executor: client, Clock: clock.RealClock{}, Log: cmd.OutOrStdout()}
			if code := watch.Run(cmd.Context(), env, options); code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
	// A flag that cannot be read does not get better by itself.
	command.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), err)
		return exitError(watch.ExitStop)
	})
	flags := command.Flags()
	kubectl.add(flags)
	flags.Lookup(clientcmd.FlagNamespace).Usage = "namespace whose postgresql resources are asked; by default that of the context, and in a pod its own"
	flags.StringVar(&options.Outputs, "outputs", "/run/stanzaflow", "directory that gets the outputs report and message")
	flags.DurationVar(&options.Limit, "limit", 4*time.Minute, "how long the whole watch may take")
	flags.DurationVar(&options.ClusterLimit, "cluster-limit", 45*time.Second, "how long the questions to one cluster may take")
	flags.IntVar(&options.Parallel, "parallel", 16, "how many PostgreSQLs are asked at a time, and half as many as repos")
	flags.StringVar(&options.TerminationLog, "termination-log", "/dev/termination-log", "file that Kubernetes reads the message of the container from")
	return command
}
