//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// The operator as the API server knows it.
const (
	operatorNamespace = "stanzaflow-system"
	operatorUser      = "system:serviceaccount:" + operatorNamespace + ":stanzaflow"
)

const (
	// mostKills is how often the kernel may kill the operator until this is called a crash
	// loop.
	mostKills = 4
	// mostEnds is for an operator that cannot even start.
	mostEnds = 100
)

// operator is the operator as a process.
type operator struct {
	group      *group
	kubeconfig string
	metrics    string // an address
	log        *os.File
	profile    string // where it writes heap profiles
	arguments  []string
	environ    []string

	process *exec.Cmd
	// starts counts the processes.
	starts int
	// died is closed when the process has ended.
	died chan struct{}
	// kills counts what the kernel has killed, ends the processes that have ended themselves,
	// as without a lease.
	kills, ends int
}

func newOperator(b *testing.B, s *server) *operator {
	b.Helper()
	o := &operator{kubeconfig: filepath.Join(b.TempDir(), "kubeconfig"), profile: filepath.Join(b.TempDir(), "heap"), metrics: freeAddress(b)}
	container := manager(b)
	bytes := limitOf(b, container)
	o.group = newGroup(b, bytes)
	o.environ = environOf(container, bytes)
	o.arguments = slices.Concat(container.Command[1:], container.Args, []string{
		"--namespace=" + operatorNamespace, "--metrics-bind-address=" + o.metrics, "--metrics-secure=false", "--health-probe-bind-address=0",
		// No Argo runs a watch. After 15 minutes every Stanza would say so, in the middle of a
		// measurement.
		"--watch-interval=0",
	})
	if err := clientcmd.WriteToFile(kubeconfig(s), o.kubeconfig); err != nil {
		b.Fatal(err)
	}
	var err error
	if o.log, err = os.Create(filepath.Join(b.TempDir(), "operator.log")); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		o.kill()
		_ = o.log.Close()
		if log, _ := os.ReadFile(o.log.Name()); b.Failed() {
			lines := strings.Split(string(log), "\n")
			b.Logf("the end of the operator's log:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
	})
	return o
}

// kubeconfig is that of an administrator who acts as the operator.
func kubeconfig(s *server) clientcmdapi.Config {
	config := clientcmdapi.NewConfig()
	config.Clusters["fleet"] = &clientcmdapi.Cluster{Server: s.config.Host, CertificateAuthorityData: s.config.CAData}
	config.AuthInfos["fleet"] = &clientcmdapi.AuthInfo{ClientCertificateData: s.config.CertData, ClientKeyData: s.config.KeyData, Impersonate: operatorUser}
	config.Contexts["fleet"] = &clientcmdapi.Context{Cluster: "fleet", AuthInfo: "fleet"}
	config.CurrentContext = "fleet"
	return *config
}

func freeAddress(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// start starts a process. It is in its cgroup before it becomes the operator.
func (o *operator) start(b *testing.B) {
	b.Helper()
	o.group.resetPeak()
	o.starts++
	o.process = exec.Command("sh", slices.Concat([]string{"-c", o.group.enter() + `exec "$@"`, "sh", *program}, o.arguments)...)
	o.process.Env = append(slices.Clone(o.environ), "KUBECONFIG="+o.kubeconfig, "STANZAFLOW_PROFILE="+o.profile)
	o.process.Stdout, o.process.Stderr = o.log, o.log
	// The interrupt of a terminal is for this program, which then ends the operator.
	o.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := o.process.Start(); err != nil {
		b.Fatal(err)
	}
	process, died := o.process, make(chan struct{})
	o.died = died
	go func() {
		_ = process.Wait()
		close(died)
	}()
}

// kill ends the process with SIGKILL, and waits until it is dead.
func (o *operator) kill() { o.end(syscall.SIGKILL) }

// stop ends the process as a rollout does: it gives its lease back.
func (o *operator) stop() { o.end(syscall.SIGTERM) }

func (o *operator) end(signal syscall.Signal) {
	if o.process == nil {
		return
	}
	_ = o.process.Process.Signal(signal)
	<-o.died
	o.process = nil
}

// revive starts the operator again if it has ended, as kubelet does. It returns false if
// the kernel kills it again and again.
func (o *operator) revive(b *testing.B) bool {
	b.Helper()
	select {
	case <-o.died:
	default:
		return true
	}
	state := o.process.ProcessState
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL && o.group.limit > 0 {
		o.kills++
		say("the operator was killed at its limit of %s, %d times so far", mebibytes(o.group.limit), o.kills)
	} else {
		say("the operator has ended: %s", state)
		o.ends++
	}
	if o.kills >= mostKills || o.ends >= mostEnds {
		return false
	}
	o.start(b)
	return true
}

// busySeconds is how much of a processor the process has used since its start.
func (o *operator) busySeconds() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", o.process.Process.Pid))
	if err != nil {
		return 0
	}
	// The name of the program, in parentheses, may have spaces.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const userTime, systemTime, ticks = 11, 12, 100
	user, _ := strconv.ParseFloat(fields[userTime], 64)
	system, _ := strconv.ParseFloat(fields[systemTime], 64)
	return (user + system) / ticks
}

// memory is what the process uses, in bytes.
type memory struct {
	resident, peak int64 // of the process
	groupPeak      int64 // of its cgroup, 0 if it has none
}

func (m memory) String() string {
	return fmt.Sprintf("RSS %s, peak %s, peak of the cgroup %s", mebibytes(m.resident), mebibytes(m.peak), mebibytes(m.groupPeak))
}

// memory reads what the process uses.
func (o *operator) memory() (m memory) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.process.Process.Pid))
	for line := range strings.SplitSeq(string(text), "\n") {
		var kilobytes int64
		switch fields := strings.Fields(line); {
		case strings.HasPrefix(line, "VmRSS:"):
			kilobytes, _ = strconv.ParseInt(fields[1], 10, 64)
			m.resident = kilobytes << 10
		case strings.HasPrefix(line, "VmHWM:"):
			kilobytes, _ = strconv.ParseInt(fields[1], 10, 64)
			m.peak = kilobytes << 10
		}
	}
	m.groupPeak = o.group.peak()
	return m
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
