// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package program runs programs of this machine for the cluster tests: kubectl, the
// program of the local cluster, and whatever else a person would type.
//
// A function that takes t fails the test if the program fails. Its Try… twin returns
// the error instead.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// Checkout is the top of the checkout. Tests run in test/e2e.
const Checkout = "../.."

// Run runs a program in a folder, with additions to the environment, and returns all
// that it prints. It also works in a cleanup, when the context of the test is over.
func Run(t testing.TB, dir string, environment []string, argv ...string) string {
	t.Helper()
	out, err := TryRun(context.WithoutCancel(t.Context()), dir, environment, argv...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return out
}

// TryRun is Run that ends the program when the context ends.
func TryRun(ctx context.Context, dir string, environment []string, argv ...string) (string, error) {
	command := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // The tests say what runs.
	command.Dir, command.Env = dir, append(os.Environ(), environment...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	out, err := command.CombinedOutput()
	return string(out), err
}

// Kubectl runs kubectl and returns its standard output.
func Kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := TryKubectl(t.Context(), nil, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// RetryKubectl repeats kubectl while the API server is down.
func RetryKubectl(t testing.TB, args ...string) {
	t.Helper()
	wait.Retry(t, "kubectl "+strings.Join(args, " "), func() error {
		if out, err := TryKubectl(t.Context(), nil, args...); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// TryKubectl returns the standard output of kubectl or, if it fails, its standard
// error.
func TryKubectl(ctx context.Context, stdin []byte, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, "kubectl", args...) //nolint:gosec // The same.
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	if err := command.Run(); err != nil {
		return stderr.String(), err
	}
	return stdout.String(), nil
}

// LocalCluster runs the program that made the local cluster. If that fails, the test
// fails and continues.
func LocalCluster(t testing.TB, args ...string) {
	t.Helper()
	if err := TryLocalCluster(args...); err != nil {
		t.Error(err)
	}
}

// TryLocalCluster does not take the context of the test: what repairs the cluster
// must run to its end.
func TryLocalCluster(args ...string) error {
	path := os.Getenv("CLUSTER")
	if path == "" {
		return errNoCluster
	}
	if out, err := TryRun(context.Background(), "", nil, append([]string{path}, args...)...); err != nil {
		return fmt.Errorf("cluster %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

var errNoCluster = errors.New("CLUSTER must name the program of the local cluster: run make test-cluster or make faults")

// PathOfLocalCluster returns the path of the program of the local cluster.
func PathOfLocalCluster(t testing.TB) string {
	t.Helper()
	path := os.Getenv("CLUSTER")
	if path == "" {
		t.Fatal(errNoCluster)
	}
	return path
}
