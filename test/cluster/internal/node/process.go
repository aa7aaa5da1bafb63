// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process identifies a process permanently. A pid alone does not: after a while the
// kernel gives it to another process. Start time and boot make it unique.
type process struct {
	pid   int
	start uint64 // in clock ticks since boot
	boot  string // the kernel's boot id
}

// String returns the content of a pid file.
func (p process) String() string { return fmt.Sprintf("%d %d %s\n", p.pid, p.start, p.boot) }

func parseProcess(s string) (process, error) {
	f := strings.Fields(s)
	if len(f) != 3 {
		return process{}, fmt.Errorf("pid file has %d fields, want 3", len(f))
	}
	pid, err := strconv.Atoi(f[0])
	if err != nil {
		return process{}, err
	}
	start, err := strconv.ParseUint(f[1], 10, 64)
	if err != nil {
		return process{}, err
	}
	return process{pid: pid, start: start, boot: f[2]}, nil
}

// parseStat reads from /proc/PID/stat whether a process has ended, and when it
// started. The second field is the program's name in parentheses and may hold
// spaces and parentheses itself, so we count from the last parenthesis.
func parseStat(stat string) (ended bool, start uint64, err error) {
	i := strings.LastIndexByte(stat, ')')
	if i < 0 {
		return false, 0, errors.New("no program name in stat")
	}
	f := strings.Fields(stat[i+1:])
	const stateField, threadsField, startField = 0, 17, 19 // fields 3, 20 and 22 of proc(5)
	if len(f) <= startField {
		return false, 0, fmt.Errorf("stat has only %d fields after the name", len(f))
	}
	// A zombie no longer runs, and its parent may never collect it. But the first
	// thread is already a zombie while others still end and hold ports and sockets.
	zombie, alone := f[stateField] == "Z" || f[stateField] == "X", f[threadsField] == "0" || f[threadsField] == "1"
	start, err = strconv.ParseUint(f[startField], 10, 64)
	return zombie && alone, start, err
}

// find looks at the process that has a pid now.
func find(pid int) (process, bool) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	ended, start, err := parseStat(string(stat))
	if err != nil || ended {
		return process{}, false
	}
	return process{pid: pid, start: start, boot: bootID()}, true
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// running reports whether exactly this process still runs.
func (p process) running() bool {
	now, ok := find(p.pid)
	return ok && now == p
}

// signal sends a signal if the process is still the same one.
func (p process) signal(s syscall.Signal) {
	if p.running() {
		_ = syscall.Kill(p.pid, s) // It may end in between, which is fine.
	}
}

// end asks the process to end, and kills it if it has not ended after grace.
func (p process) end(grace time.Duration) error {
	if grace > 0 {
		p.signal(syscall.SIGTERM)
		p.signal(syscall.SIGCONT) // A stopped process cannot handle the signal.
		if p.gone(grace) {
			return nil
		}
	}
	p.signal(syscall.SIGKILL)
	if !p.gone(10 * time.Second) {
		return fmt.Errorf("process %d does not end", p.pid)
	}
	return nil
}

func (p process) gone(within time.Duration) bool {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if !p.running() {
			return true
		}
	}
	return !p.running()
}

// started returns when the process started.
func (p process) started() time.Time {
	const ticksPerSecond = 100 // USER_HZ, the same on every Linux platform that Go supports.
	uptime, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return time.Time{}
	}
	var seconds float64
	if _, err := fmt.Sscan(string(uptime), &seconds); err != nil {
		return time.Time{}
	}
	age := seconds - float64(p.start)/ticksPerSecond
	return time.Now().Add(-time.Duration(age * float64(time.Second)))
}

// commandLine returns the process's arguments, joined with spaces.
func commandLine(pid int) string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " "))
}

// pids lists all processes of the machine.
func pids() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, pid)
		}
	}
	return all
}
