//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mark is a variable that every process of a run has: the process id of the run.
const mark = "STANZAFLOW_FLEET"

// prepare removes what killed runs have left, and marks this one. Everything that it
// starts keeps its files in one folder.
func prepare(ctx context.Context, b *testing.B) {
	b.Helper()
	for pid, of := range marked() {
		if !alive(of) {
			say("stopping process %d of a run that was killed", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for _, path := range stale(groupFolders("*")...) {
		// A process that was killed may need a moment to leave its cgroup.
		for range 50 {
			if syscall.Rmdir(path) == nil {
				break
			}
			pause(ctx, b, 100*time.Millisecond)
		}
	}
	for _, path := range stale(folder("*")) {
		_ = os.RemoveAll(path)
	}
	own := folder(strconv.Itoa(os.Getpid()))
	if err := os.MkdirAll(own, 0o700); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(own) })
	b.Setenv("TMPDIR", own)
	b.Setenv(mark, strconv.Itoa(os.Getpid()))
}

// stale returns the folders of runs that have ended.
func stale(patterns ...string) (paths []string) {
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern)
		for _, path := range found {
			if of, err := strconv.Atoi(path[strings.LastIndex(path, "-")+1:]); err == nil && !alive(of) {
				paths = append(paths, path)
			}
		}
	}
	return paths
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
