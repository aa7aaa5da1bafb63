// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cluster"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/node"
)

var signals = map[string]syscall.Signal{
	"STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM,
}

// parseSignal reads one of the named signals.
func parseSignal(name string, allowed ...string) (syscall.Signal, error) {
	if name := strings.TrimPrefix(name, "SIG"); slices.Contains(allowed, name) {
		return signals[name], nil
	}
	return 0, fmt.Errorf("unknown signal %q, want one of %s", name, strings.Join(allowed, ", "))
}

// daemon checks that the first argument is the name of a daemon.
func daemon(_ *cobra.Command, args []string) error {
	if slices.Contains(node.DaemonNames(), args[0]) {
		return nil
	}
	return fmt.Errorf("unknown daemon %q, want one of %s", args[0], strings.Join(node.DaemonNames(), ", "))
}

func newRestart() *cobra.Command {
	var signal string
	cmd := &cobra.Command{
		Use:       "restart DAEMON",
		Short:     "End a daemon, like a crash, and start it again; containers keep running",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), daemon),
		ValidArgs: node.DaemonNames(),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := parseSignal(signal, "KILL", "TERM")
			if err != nil {
				return err
			}
			c, err := load(cmd)
			if err != nil {
				return err
			}
			took, err := c.RestartDaemon(cmd.Context(), args[0], s)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), took)
			return err
		},
	}
	cmd.Flags().StringVar(&signal, "signal", "KILL", "What ends it, KILL or TERM. With TERM it has half a minute to end by itself.")
	return cmd
}

func newSignal() *cobra.Command {
	return &cobra.Command{
		Use:       "signal DAEMON STOP|CONT|KILL|TERM",
		Short:     "Send a signal to a daemon; a stopped one hangs until CONT, an ended one is gone until restart",
		Args:      cobra.MatchAll(cobra.ExactArgs(2), daemon),
		ValidArgs: node.DaemonNames(),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := parseSignal(args[1], "STOP", "CONT", "KILL", "TERM")
			if err != nil {
				return err
			}
			c, err := load(cmd)
			if err != nil {
				return err
			}
			return c.SignalDaemon(cmd.Context(), args[0], s)
		},
	}
}

func newSlow() *cobra.Command {
	var pace node.Pace
	cmd := &cobra.Command{
		Use:       "slow DAEMON",
		Short:     "Make a daemon slow: stop it for a part of each period; at the end it always continues",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), daemon),
		ValidArgs: node.DaemonNames(),
		RunE: withCluster(func(cmd *cobra.Command, c *cluster.Cluster, args []string) error {
			return c.SlowDaemon(cmd.Context(), args[0], pace)
		}),
	}
	cmd.Flags().IntVar(&pace.Duty, "duty", 80, "For how many percent of each period it is stopped.")
	cmd.Flags().DurationVar(&pace.Period, "period", time.Second, "How long one turn of stopping and going on takes.")
	cmd.Flags().DurationVar(&pace.For, "for", 20*time.Second, "How long it is slow.")
	return cmd
}

func newResetConnections() *cobra.Command {
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "reset-connections POD-IP",
		Short: "Reset the open connections of a pod to the API server; new ones work",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pod, err := netip.ParseAddr(args[0])
			if err != nil {
				return err
			}
			c, err := load(cmd)
			if err != nil {
				return err
			}
			closed, err := c.ResetConnections(cmd.Context(), pod, within)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d connections of %s reset\n", closed, pod)
			return err
		},
	}
	cmd.Flags().DurationVar(&within, "within", 5*time.Second, "How long to wait for a connection that can be reset.")
	return cmd
}

func newVolume() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "volume",
		Short: "Manage volumes of a fixed size, which can fill up",
	}
	var class string
	create := &cobra.Command{
		Use:   "make NAMESPACE/CLAIM SIZE",
		Short: "Create the volume that a claim gets when it appears",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			claim, err := cluster.ParseClaim(args[0])
			if err != nil {
				return err
			}
			size, err := cluster.ParseSize(args[1])
			if err != nil {
				return err
			}
			c, err := load(cmd)
			if err != nil {
				return err
			}
			return c.MakeVolume(cmd.Context(), claim, size, class)
		},
	}
	create.Flags().StringVar(&class, "class", "local", "Storage class that the claim asks for.")
	remove := &cobra.Command{
		Use:   "remove NAMESPACE/CLAIM",
		Short: "Remove the volume of a claim that is gone",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			claim, err := cluster.ParseClaim(args[0])
			if err != nil {
				return err
			}
			c, err := load(cmd)
			if err != nil {
				return err
			}
			return c.RemoveVolume(cmd.Context(), claim)
		},
	}
	cmd.AddCommand(create, remove)
	return cmd
}
