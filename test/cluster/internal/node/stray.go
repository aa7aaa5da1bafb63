// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// strays finds our daemons without a pid file: they were started just before one was
// written, or somebody has deleted the run directory. A process is ours if it is in
// the node's network namespace, and runs a program of our bin directory or uses our
// configuration. Neither alone is enough: API server tests run the same programs on
// the host, and a person may look around inside the namespace.
func (n *Node) strays() []process {
	var namespace syscall.Stat_t
	if err := syscall.Stat(netnsFile, &namespace); err != nil {
		return nil
	}
	var found []process
	for _, pid := range pids() {
		var own syscall.Stat_t
		proc := filepath.Join("/proc", strconv.Itoa(pid))
		if err := syscall.Stat(filepath.Join(proc, "ns", "net"), &own); err != nil || own.Dev != namespace.Dev || own.Ino != namespace.Ino {
			continue
		}
		p, ok := find(pid)
		if !ok {
			continue
		}
		program, err := os.Readlink(filepath.Join(proc, "exe"))
		if err != nil {
			continue
		}
		if strings.HasPrefix(program, n.dirs.Bin()+"/") || strings.Contains(commandLine(pid), n.dirs.Config()+"/") {
			found = append(found, p)
		}
	}
	return found
}
