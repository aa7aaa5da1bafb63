// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

// restartGrace is how long a daemon may take to end by itself when it is
// restarted with SIGTERM.
const restartGrace = 30 * time.Second

// Restart ends a daemon, if it runs, and starts it again with the same command line,
// environment, network namespace and log. With SIGTERM it may end by itself first,
// with SIGKILL it crashes. It returns how long the daemon took to end, and how long
// until it was healthy again. It also starts other daemons that do not run.
func (n *Node) Restart(ctx context.Context, name string, s syscall.Signal) (end, healthy time.Duration, err error) {
	// We know the settings of the running daemon only if they are those that this
	// program would use.
	if err := n.current(); err != nil {
		return 0, 0, fmt.Errorf("cannot start %s again with the same settings, the cluster is %w: run up first", name, err)
	}
	var grace time.Duration
	if s == syscall.SIGTERM {
		grace = restartGrace
	}
	d := findDaemon(n.daemons, name)
	began := time.Now()
	if p, ok := n.process(name); ok {
		if err := p.end(grace); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	end = time.Since(began)
	if err := n.start(d); err != nil {
		return end, 0, err
	}
	if err := n.await(ctx, d); err != nil {
		return end, 0, err
	}
	return end, time.Since(began) - end, n.revive(ctx)
}

// revive starts daemons that have ended, as a service manager does elsewhere: a
// controller manager, for example, gives up if it starts and finds no API server.
func (n *Node) revive(ctx context.Context) error {
	for _, d := range n.daemons {
		if _, ok := n.process(d.name); ok {
			continue
		}
		if err := n.start(d); err != nil {
			return err
		}
		if err := n.await(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// Signal sends a signal to a daemon.
func (n *Node) Signal(name string, s syscall.Signal) error {
	p, err := n.runningProcess(name)
	if err != nil {
		return err
	}
	p.signal(s)
	return nil
}

// Pace says how to slow a daemon down.
type Pace struct {
	Duty   int           // percent of each period for which it is stopped
	Period time.Duration // of one stop and one continuation
	For    time.Duration // how long all this lasts
}

// Slow stops a daemon for a part of each period. The daemon continues at the end,
// whatever ends this program.
func (n *Node) Slow(ctx context.Context, name string, pace Pace) error {
	if pace.Duty < 1 || pace.Duty > 99 || pace.Period <= 0 || pace.For <= 0 {
		return fmt.Errorf("cannot slow %s with duty %d, period %s, for %s: duty must be a percentage from 1 to 99, the others more than zero",
			name, pace.Duty, pace.Period, pace.For)
	}
	p, err := n.runningProcess(name)
	if err != nil {
		return err
	}
	undo, err := atEnd("kill", "-CONT", fmt.Sprint(p.pid))
	if err != nil {
		return err
	}
	slowed := p.slow(ctx, pace)
	if err := undo(); err != nil {
		return fmt.Errorf("%s may be stopped, continue it with: signal %s CONT: %w", name, name, err)
	}
	if slowed != nil {
		return fmt.Errorf("slowing %s: %w", name, slowed)
	}
	return nil
}

// slow may leave the process stopped.
func (p process) slow(ctx context.Context, pace Pace) error {
	stopped := pace.Period * time.Duration(pace.Duty) / 100
	for end := time.Now().Add(pace.For); time.Now().Before(end); {
		for _, phase := range []struct {
			signal syscall.Signal
			lasts  time.Duration
		}{{syscall.SIGSTOP, stopped}, {syscall.SIGCONT, pace.Period - stopped}} {
			if !p.running() {
				return fmt.Errorf("process %d has ended", p.pid)
			}
			p.signal(phase.signal)
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(phase.lasts):
			}
		}
	}
	return nil
}

func (n *Node) runningProcess(name string) (process, error) {
	p, ok := n.process(name)
	if !ok {
		return process{}, fmt.Errorf("%s does not run: see status", name)
	}
	return p, nil
}

// ResetConnections breaks the open connections of a pod to the API server: both ends
// get a reset at once, new connections work. If there is none, it waits for the first
// one. It returns how many it broke.
func (n *Node) ResetConnections(ctx context.Context, pod netip.Addr, within time.Duration) (int, error) {
	server, err := url.Parse(ServerURL)
	if err != nil {
		return 0, err
	}
	// The kernel closes the server's side, which notifies the pod's. If it cannot, it
	// closes and lists nothing.
	kill := command.Cmd{Args: inNode("ss", "--kill", "--tcp", "--numeric", "--no-header", "state", "established",
		"sport = :"+server.Port()+" and dst "+pod.String())}
	for deadline := time.Now().Add(within); ; {
		out, err := kill.Run(ctx)
		if err != nil {
			return 0, err
		}
		if closed := len(strings.Split(strings.TrimSpace(out), "\n")); strings.TrimSpace(out) != "" {
			return closed, nil
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("%s has had no open connection to the API server for %s that could be reset", pod, within)
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
