// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
)

// withDaemon returns a node on which one process runs, under the name of a daemon.
func withDaemon(t *testing.T, name string) (*Node, process) {
	t.Helper()
	n := &Node{dirs: layout.Dirs{Cache: t.TempDir(), Run: t.TempDir()}}
	cmd := exec.Command("sleep", "600") //nolint:noctx // Ended below.
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p, ok := find(cmd.Process.Pid)
	if !ok {
		t.Fatal("child does not run")
	}
	if err := os.MkdirAll(n.dirs.Pids(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.pidFile(name), []byte(p.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return n, p
}

func stopped(t *testing.T, p process) bool {
	t.Helper()
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(stat, []byte(") T "))
}

func become(t *testing.T, what string, condition func() bool) {
	t.Helper()
	timeout, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestSignal(t *testing.T) {
	t.Parallel()
	n, p := withDaemon(t, kubelet)
	if err := n.Signal(kubelet, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	become(t, "stopped", func() bool { return stopped(t, p) })
	if err := n.Signal(kubelet, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	become(t, "going on", func() bool { return !stopped(t, p) })
	if err := n.Signal(etcd, syscall.SIGTERM); err == nil {
		t.Error("no error for a signal to a daemon that does not run")
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	n, p := withDaemon(t, kubelet)
	done := make(chan error, 1)
	go func() {
		done <- n.Slow(t.Context(), kubelet, Pace{Duty: 50, Period: 40 * time.Millisecond, For: 600 * time.Millisecond})
	}()
	for range 3 {
		become(t, "stopped", func() bool { return stopped(t, p) })
		become(t, "going on", func() bool { return !stopped(t, p) })
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if stopped(t, p) {
		t.Error("it is stopped at the end")
	}
}

// mostlyStopped leaves hardly any time in which the daemon runs.
var mostlyStopped = Pace{Duty: 99, Period: time.Hour, For: time.Hour}

func TestSlowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	n, p := withDaemon(t, kubelet)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Slow(ctx, kubelet, mostlyStopped) }()
	become(t, "stopped", func() bool { return stopped(t, p) })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want an interruption", err)
	}
	if stopped(t, p) {
		t.Error("it is stopped at the end")
	}
}

const slowHere = "NODE_TEST_SLOW"

// TestSlowEndsWithItsProgram kills the program that slows a daemon down. For that the
// test starts itself once more.
func TestSlowEndsWithItsProgram(t *testing.T) { //nolint:paralleltest // The second one is this test, too.
	if run := os.Getenv(slowHere); run != "" {
		n := &Node{dirs: layout.Dirs{Run: run}}
		t.Fatal(n.Slow(t.Context(), kubelet, mostlyStopped))
	}
	n, p := withDaemon(t, kubelet)
	slow := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSlowEndsWithItsProgram$")
	slow.Env = append(os.Environ(), slowHere+"="+n.dirs.Run)
	if err := slow.Start(); err != nil {
		t.Fatal(err)
	}
	become(t, "stopped", func() bool { return stopped(t, p) })
	if err := slow.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = slow.Wait()
	become(t, "going on", func() bool { return !stopped(t, p) })
}

func TestSlowSaysThatTheDaemonEnded(t *testing.T) {
	t.Parallel()
	n, p := withDaemon(t, kubelet)
	done := make(chan error, 1)
	go func() {
		done <- n.Slow(t.Context(), kubelet, Pace{Duty: 50, Period: 20 * time.Millisecond, For: time.Hour})
	}()
	become(t, "stopped", func() bool { return stopped(t, p) })
	p.signal(syscall.SIGKILL)
	if err := <-done; err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("err = %v, want an error because it has ended", err)
	}
}

func TestSlowRefuses(t *testing.T) {
	t.Parallel()
	n, _ := withDaemon(t, kubelet)
	for name, pace := range map[string]Pace{
		"Never":    {Duty: 0, Period: time.Second, For: time.Second},
		"Always":   {Duty: 100, Period: time.Second, For: time.Second},
		"NoPeriod": {Duty: 50, For: time.Second},
		"NoTime":   {Duty: 50, Period: time.Second},
	} {
		if err := n.Slow(t.Context(), kubelet, pace); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A daemon with another configuration could not be started again unchanged.
func TestRestartRefusesAnotherCluster(t *testing.T) {
	t.Parallel()
	n, p := withDaemon(t, kubelet)
	if _, _, err := n.Restart(t.Context(), kubelet, syscall.SIGKILL); err == nil || !strings.Contains(err.Error(), "run up first") {
		t.Errorf("err = %v, want one that says what to do", err)
	}
	if !p.running() {
		t.Error("it was ended anyway")
	}
}

func TestEndOfAStoppedProcess(t *testing.T) {
	t.Parallel()
	_, p := withDaemon(t, kubelet)
	p.signal(syscall.SIGSTOP)
	const grace = time.Minute
	began := time.Now()
	if err := p.end(grace); err != nil {
		t.Fatal(err)
	}
	if time.Since(began) >= grace {
		t.Error("it had to be killed: it never got the signal to end")
	}
}

func TestAtEnd(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "undone")
	undo, err := atEnd("touch", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("undone before it was asked for")
	}
	if err := undo(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	undo, err = atEnd("false")
	if err != nil {
		t.Fatal(err)
	}
	if undo() == nil {
		t.Error("no error although undoing failed")
	}
}
