//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// mark is a variable that every process of a run has: the process id of the run.
const mark = "STANZAFLOW_FLEET"

// prepare removes what killed runs have left, and marks this one. Everything that it
// starts keeps its files in one folder.
func prepare(b *testing.B) {
	b.Helper()
	for pid, of := range marked() {
		if !alive(of) {
			say("stopping process %d of a run that was killed", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for _, pattern := range append(groupFolders("*"), folder("*")) {
		old, _ := filepath.Glob(pattern)
		for _, path := range old {
			of, err := strconv.Atoi(path[strings.LastIndex(path, "-")+1:])
			if err != nil || alive(of) {
				continue
			}
			// The folder of a cgroup has files that cannot be removed.
			if syscall.Rmdir(path) != nil {
				_ = os.RemoveAll(path)
			}
		}
	}
	own := folder(strconv.Itoa(os.Getpid()))
	if err := os.MkdirAll(own, 0o700); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(own) })
	b.Setenv("TMPDIR", own)
	b.Setenv(mark, strconv.Itoa(os.Getpid()))
}

func folder(of string) string { return filepath.Join(os.TempDir(), "stanzaflow-fleet-"+of) }

// marked returns the processes with a mark, and their runs.
func marked() map[int]int {
	found := map[int]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		for variable := range strings.SplitSeq(string(text), "\x00") {
			if value, ok := strings.CutPrefix(variable, mark+"="); ok {
				found[pid], _ = strconv.Atoi(value)
			}
		}
	}
	return found
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
