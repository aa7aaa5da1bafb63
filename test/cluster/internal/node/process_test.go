// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	// Fields 4 to 19 and 21 do not matter here, 20 is the number of threads.
	const before, after = " 1 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0", " 0"
	const between = before + " 9" + after
	cases := map[string]struct {
		stat      string
		wantEnded bool
		wantStart uint64
		wantErr   bool
	}{
		"Plain":                     {stat: "42 (etcd) S" + between + " 98765 1000 200", wantStart: 98765},
		"NameWithSpaceAndParens":    {stat: "42 (a) R (b) S" + between + " 77 1000", wantStart: 77},
		"Stopped":                   {stat: "42 (kubelet) T" + between + " 5 0", wantStart: 5},
		"Zombie":                    {stat: "42 (kubelet) Z" + before + " 1" + after + " 5 0", wantEnded: true, wantStart: 5},
		"ZombieWhoseThreadsLive":    {stat: "42 (kubelet) Z" + between + " 5 0", wantStart: 5},
		"OneThreadThatRuns":         {stat: "42 (pause) S" + before + " 1" + after + " 5 0", wantStart: 5},
		"NoName":                    {stat: "42 etcd S", wantErr: true},
		"TooShort":                  {stat: "42 (etcd) S 1 2 3", wantErr: true},
		"StartTimeIsNotANumber":     {stat: "42 (etcd) S" + between + " soon", wantErr: true},
		"EmptyAsOfAnEndedProcess":   {stat: "", wantErr: true},
		"NothingAfterTheName":       {stat: "42 (etcd)", wantErr: true},
		"NameThatLooksLikeTheField": {stat: "42 (1 2 3 4) S" + between + " 9", wantStart: 9},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended, start, err := parseStat(tc.stat)
			if (err != nil) != tc.wantErr {
				t.Fatalf("parseStat: err = %v, want error: %v", err, tc.wantErr)
			}
			if err == nil && (ended != tc.wantEnded || start != tc.wantStart) {
				t.Errorf("parseStat = %v, %d, want %v, %d", ended, start, tc.wantEnded, tc.wantStart)
			}
		})
	}
}

func TestProcessSurvivesItsPidFile(t *testing.T) {
	t.Parallel()
	want, ok := find(os.Getpid())
	if !ok {
		t.Fatal("cannot find this process")
	}
	got, err := parseProcess(want.String())
	if err != nil {
		t.Fatal(err)
	}
	if got != want || !got.running() {
		t.Errorf("parseProcess(%q) = %+v, running %v", want, got, got.running())
	}
	if age := time.Since(got.started()); age < 0 || age > 10*time.Minute {
		t.Errorf("this process is %s old", age)
	}
}

func TestParseProcessRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "12", "12 34", "x 34 boot", "12 x boot", "12 34 boot more"} {
		if p, err := parseProcess(s); err == nil {
			t.Errorf("parseProcess(%q) = %+v, want an error", s, p)
		}
	}
}

// A recycled pid is another process: same number, other start time or boot.
func TestRecycledPidIsNotOurs(t *testing.T) {
	t.Parallel()
	p, ok := find(os.Getpid())
	if !ok {
		t.Fatal("cannot find this process")
	}
	for _, other := range []process{
		{pid: p.pid, start: p.start + 1, boot: p.boot},
		{pid: p.pid, start: p.start, boot: "another"},
	} {
		if other.running() {
			t.Errorf("%+v counts as this process", other)
		}
		other.signal(syscall.SIGKILL) // Must not reach this test.
	}
}

func TestZombieDoesNotRun(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, ok := find(cmd.Process.Pid); !ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("an ended child that nobody waited for counts as running")
		}
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "trap '' TERM; sleep 60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	p, ok := find(cmd.Process.Pid)
	if !ok {
		t.Fatal("child does not run")
	}
	if err := p.end(50 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if p.running() {
		t.Error("the child still runs")
	}
}

func TestIsShim(t *testing.T) {
	t.Parallel()
	const socket = "/run/stanzaflow-cluster/containerd.sock"
	cases := map[string]struct {
		line string
		want bool
	}{
		"Ours":             {line: "/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id abc -address " + socket, want: true},
		"OfAnotherSocket":  {line: "/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id abc -address /run/containerd/containerd.sock"},
		"SocketAsPrefix":   {line: "/usr/bin/containerd-shim-runc-v2 -address " + socket + ".other"},
		"AnEditor":         {line: "vi " + socket},
		"Grep":             {line: "grep containerd-shim-runc-v2 " + socket},
		"KernelThread":     {line: ""},
		"ShimOfOtherKinds": {line: "/usr/bin/containerd-shim -address " + socket},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := isShim(tc.line, socket); got != tc.want {
				t.Errorf("isShim(%q) = %v, want %v", tc.line, got, tc.want)
			}
		})
	}
	if strings.Contains(socket, " ") {
		t.Error("a path with blanks would be split")
	}
}
