// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const cgroupFS = "/sys/fs/cgroup"

// unified reports whether the machine has only cgroup v2.
func unified() bool {
	_, err := os.Stat(filepath.Join(cgroupFS, "cgroup.controllers"))
	return err == nil
}

// makeCgroup creates our cgroup, in every hierarchy on a machine with v1: the
// kubelet refuses a cgroupRoot that does not exist.
func makeCgroup() error {
	if unified() {
		// Children have only the controllers that the root hands down.
		controllers, err := os.ReadFile(filepath.Join(cgroupFS, "cgroup.controllers"))
		if err != nil {
			return err
		}
		for c := range strings.FieldsSeq(string(controllers)) {
			// Some cannot be handed down. The kubelet names one that it needs.
			_ = os.WriteFile(filepath.Join(cgroupFS, "cgroup.subtree_control"), []byte("+"+c), 0o600)
		}
	}
	for _, root := range cgroupRoots() {
		if err := os.MkdirAll(filepath.Join(root, cgroup), 0o750); err != nil {
			return err
		}
	}
	return nil
}

// cgroupRoots returns the roots of all hierarchies.
func cgroupRoots() []string {
	if unified() {
		return []string{cgroupFS}
	}
	entries, err := os.ReadDir(cgroupFS)
	if err != nil {
		return nil
	}
	var roots []string
	for _, e := range entries {
		// Joint hierarchies (cpu,cpuacct) have links beside them, which are not directories.
		if e.IsDir() {
			roots = append(roots, filepath.Join(cgroupFS, e.Name()))
		}
	}
	return roots
}

// cgroupProcesses lists the processes in our cgroup and below: those of pods.
func cgroupProcesses() []process {
	var found []process
	for _, dir := range cgroupDirs() {
		content, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")) //nolint:gosec // A file of the kernel.
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(content)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				continue
			}
			if p, ok := find(pid); ok {
				found = append(found, p)
			}
		}
	}
	return found
}

// removeCgroup removes our cgroup from all hierarchies, innermost first. A cgroup that
// still holds a process stays.
func removeCgroup() {
	dirs := cgroupDirs()
	slices.Reverse(dirs)
	for _, dir := range dirs {
		_ = os.Remove(dir)
	}
}

// cgroupDirs lists the directories of our cgroup, parents before children.
func cgroupDirs() []string {
	var dirs []string
	for _, root := range cgroupRoots() {
		_ = filepath.WalkDir(filepath.Join(root, cgroup), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil // We want the directory to vanish.
		})
	}
	return dirs
}
