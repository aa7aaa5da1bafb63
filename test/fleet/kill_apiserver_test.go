//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// killServer kills the API server, and starts it again by the same command. Its etcd keeps
// everything.
func (s *soak) killServer(b *testing.B) {
	b.Helper()
	s.killedServer++
	pid, again := findServer(b)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		b.Fatalf("cannot kill the API server: %v", err)
	}
	for alive(pid) {
		pause(s.ctx, b, 50*time.Millisecond)
	}
	// After a longer outage the operator loses its lease, and ends.
	if s.rng.IntN(2) == 0 {
		pause(s.ctx, b, s.upTo(10*time.Second))
	}
	if err := again.Start(); err != nil {
		b.Fatalf("cannot start the API server again: %v", err)
	}
	died := make(chan struct{})
	go func() {
		_ = again.Wait()
		close(died)
	}()
	b.Cleanup(func() {
		_ = again.Process.Kill()
		<-died
	})
	client, err := rest.HTTPClientFor(s.config)
	if err != nil {
		b.Fatal(err)
	}
	for {
		answer, err := client.Get(strings.TrimSuffix(s.config.Host, "/") + "/readyz")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-died:
			b.Fatalf("the API server does not start again: %s", again.ProcessState)
		default:
			pause(s.ctx, b, 200*time.Millisecond)
		}
	}
}

// findServer finds the API server of this run, and the command that starts it.
func findServer(b *testing.B) (int, *exec.Cmd) {
	b.Helper()
	for pid, of := range marked() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		words := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		if err != nil || of != os.Getpid() || filepath.Base(words[0]) != "kube-apiserver" {
			continue
		}
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			b.Fatal(err)
		}
		again := exec.Command(words[0], words[1:]...)
		again.Env = strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00")
		again.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		return pid, again
	}
	b.Fatal("no API server of this run is there")
	return 0, nil
}
