// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

const netnsFile = "/run/netns/" + netns

// inNode returns a command that runs in the node's network namespace. It does not use
// "ip netns exec", which mounts /sys again and hides the cgroups.
func inNode(args ...string) []string {
	return append([]string{"nsenter", "--net=" + netnsFile}, args...)
}

// makeNetwork creates the network namespace and joins it to the host.
func makeNetwork(ctx context.Context) error {
	for _, line := range []string{
		"ip netns add " + netns,
		"ip link add " + hostLink + " type veth peer name eth0 netns " + netns,
		"ip addr add " + hostIP + linkBits + " dev " + hostLink,
		"ip link set " + hostLink + " up",
		// Tests on the host talk to pods and services through the node.
		"ip route replace " + podCIDR + " via " + IP,
		"ip route replace " + svcCIDR + " via " + IP,
	} {
		if _, err := (command.Cmd{Args: strings.Fields(line)}).Run(ctx); err != nil {
			return err
		}
	}
	for _, line := range []string{
		"ip link set lo up",
		"ip addr add " + IP + linkBits + " dev eth0",
		"ip link set eth0 up",
		"ip route add default via " + hostIP,
		"sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1",
	} {
		if _, err := (command.Cmd{Args: inNode(strings.Fields(line)...)}).Run(ctx); err != nil {
			return err
		}
	}
	// This exists only if the module is loaded; our pods are routed, not bridged.
	_, _ = command.Cmd{Args: inNode("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1")}.Run(ctx)
	return nil
}

// removeNetwork undoes makeNetwork. The routes and the pods' links disappear with the
// links and the namespace.
func removeNetwork(ctx context.Context) {
	if _, err := os.Stat(filepath.Join("/sys/class/net", hostLink)); err == nil {
		_, _ = command.Cmd{Args: []string{"ip", "link", "del", hostLink}}.Run(ctx)
	}
	if _, err := os.Stat(netnsFile); err == nil {
		_, _ = command.Cmd{Args: []string{"ip", "netns", "del", netns}}.Run(ctx)
	}
}

// dialInNode connects from within the node's network namespace, where the
// daemons' health ports are.
func dialInNode(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		// The thread changes its namespace and is never reused: a goroutine that ends
		// while locked to its thread ends the thread.
		runtime.LockOSThread()
		ns, err := os.Open(netnsFile)
		if err != nil {
			done <- result{err: err}
			return
		}
		defer func() { _ = ns.Close() }()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- result{err: os.NewSyscallError("setns", err)}
			return
		}
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		done <- result{conn: conn, err: err}
	}()
	r := <-done
	return r.conn, r.err
}
