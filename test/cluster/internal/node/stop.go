// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
)

// Stop ends every process of a cluster and removes everything that it left except its
// state. It assumes nothing: every process may be gone, or any may still be there,
// started from another clone or with another cache directory.
func (n *Node) Stop(ctx context.Context) error {
	var problems []error

	// End the kubelet first, because it would restart what is ended below; containerd
	// and etcd last, because they write to disk.
	order := slices.Clone(n.daemons)
	slices.SortStableFunc(order, func(a, b daemon) int { return stopRank(a) - stopRank(b) })
	for _, d := range order {
		if d.name == containerd {
			problems = append(problems, n.stopPods())
		}
		if p, ok := n.process(d.name); ok {
			problems = append(problems, p.end(d.grace))
		}
	}
	// Do it once more, because containerd may just have been starting a pod. Then end
	// processes without a pid file.
	problems = append(problems, n.stopPods())
	for _, p := range n.strays() {
		problems = append(problems, p.end(0))
	}

	if err := errors.Join(problems...); err != nil {
		return err // Deleting files below a running daemon would make things worse.
	}

	pods := n.podIDs()
	if err := unmountBelow(n.mountRoots()...); err != nil {
		return err
	}
	removeCgroup()
	removeNetwork(ctx)
	removeShimSockets(n.dirs.ContainerdSocket(), pods)
	removeCNIResults(pods)
	removeLogLinks(n.stateDirs())
	return os.RemoveAll(n.dirs.Run)
}

func stopRank(d daemon) int {
	switch d.name {
	case kubelet:
		return 0
	case containerd:
		return 2
	case etcd:
		return 3
	default:
		return 1
	}
}

// stopPods ends the processes of all pods and the shims that watch them. It finds them
// without their daemons' help: by our cgroup and our socket's path.
func (n *Node) stopPods() error {
	var problems []error
	for _, pid := range pids() {
		line := commandLine(pid)
		if !isShim(line, n.dirs.ContainerdSocket()) {
			continue
		}
		if p, ok := find(pid); ok && commandLine(pid) == line {
			problems = append(problems, p.end(0))
		}
	}
	processes := cgroupProcesses()
	for _, p := range processes {
		p.signal(syscall.SIGKILL)
	}
	for _, p := range processes {
		problems = append(problems, p.end(0))
	}
	return errors.Join(problems...)
}

// isShim reports whether a command line belongs to a shim of our containerd.
func isShim(commandLine, socket string) bool {
	program, _, _ := strings.Cut(commandLine, " ")
	return filepath.Base(program) == "containerd-shim-runc-v2" &&
		slices.Contains(strings.Fields(commandLine), socket)
}

// stateDirs returns the state directories that a cluster may have used: ours, and that
// of whoever started the cluster that was found.
func (n *Node) stateDirs() []string {
	all := []string{n.dirs.State()}
	if r, err := n.readRecord(); err == nil && r.Cache != n.dirs.Cache {
		all = append(all, layout.Dirs{Cache: r.Cache}.State())
	}
	return all
}

func (n *Node) mountRoots() []string { return append(n.stateDirs(), n.dirs.Run) }

// podIDs lists the ids that containerd gave to pods. It includes those in the state,
// which holds them even if somebody has deleted the run directory.
func (n *Node) podIDs() []string {
	roots := []string{filepath.Join(n.dirs.Run, "containerd")}
	for _, dir := range n.stateDirs() {
		roots = append(roots, filepath.Join(dir, "containerd"))
	}
	var ids []string
	for _, root := range roots {
		dirs, _ := filepath.Glob(filepath.Join(root, "io.containerd.grpc.v1.cri", "sandboxes", "*")) // The pattern is well-formed.
		for _, dir := range dirs {
			ids = append(ids, filepath.Base(dir))
		}
	}
	return ids
}

// removeShimSockets removes the sockets of shims, one per pod. They are in a directory
// that all containerds of the machine share; the name of a socket is the hash of what
// identifies the shim.
func removeShimSockets(containerdSocket string, pods []string) {
	for _, pod := range pods {
		name := sha256.Sum256([]byte(filepath.Join(containerdSocket, "k8s.io", pod)))
		_ = os.Remove(filepath.Join("/run/containerd/s", hex.EncodeToString(name[:])))
	}
}

// removeCNIResults removes CNI's records of our pods: files named
// <network>-<pod>-<interface>, in a directory that is not configurable.
func removeCNIResults(pods []string) {
	files, _ := filepath.Glob("/var/lib/cni/results/*") // The pattern is well-formed.
	for _, file := range files {
		name := filepath.Base(file)
		ours := strings.HasPrefix(name, cniNetwork+"-") ||
			slices.ContainsFunc(pods, func(pod string) bool { return strings.Contains(name, "-"+pod+"-") })
		if ours {
			_ = os.Remove(file)
		}
	}
}

// removeLogLinks removes the links to our pods' logs that the kubelet makes in a
// directory that is not configurable.
func removeLogLinks(stateDirs []string) {
	links, _ := filepath.Glob("/var/log/containers/*.log") // The pattern is well-formed.
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			continue
		}
		for _, dir := range stateDirs {
			if strings.HasPrefix(target, dir+"/") {
				_ = os.Remove(link)
			}
		}
	}
}

// Wipe deletes the state. The node must be stopped. Wipe checks for mounts again,
// because deleting through one would reach other people's files.
func (n *Node) Wipe() error {
	if err := unmountBelow(n.dirs.State(), n.dirs.BrokenState()); err != nil {
		return err
	}
	// Delete the kubeconfig too: it points nowhere, and the next cluster has other keys.
	return errors.Join(os.RemoveAll(n.dirs.State()), os.RemoveAll(n.dirs.BrokenState()), os.RemoveAll(n.dirs.Kubeconfig()))
}

// PutAside moves a state that does not start out of the way, for somebody to look at
// later. It keeps one such state.
func (n *Node) PutAside() error {
	if err := unmountBelow(n.dirs.State(), n.dirs.BrokenState()); err != nil {
		return err
	}
	if err := os.RemoveAll(n.dirs.BrokenState()); err != nil {
		return err
	}
	return os.Rename(n.dirs.State(), n.dirs.BrokenState())
}
