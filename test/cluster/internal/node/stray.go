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

// strays finds daemons of ours that have no pid file: started in the moment
// before one was written, or left when somebody deleted the run directory. Two
// things together make them ours: they are in the node's network namespace, and
// they run a program of our bin directory or use our configuration. Neither is
// enough alone: API server tests run the same programs on the host, and a
// person may look around inside the namespace.
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
