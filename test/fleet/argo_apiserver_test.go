//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// argo is Argo's own controller as a process. It makes Workflows from CronWorkflows and
// pods from Workflows.
type argo struct {
	kubeconfig string
	log        *os.File
	process    *exec.Cmd
	// died is closed when the process has ended.
	died chan struct{}
	// ends counts the processes that have ended themselves.
	ends int
}

// startArgo starts the controller that the local cluster has, with the rights of an
// administrator.
func startArgo(b *testing.B, s *server) *argo {
	b.Helper()
	const namespace = "argo"
	s.create(b, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	s.create(b, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "workflow-controller-configmap"},
		Data:       map[string]string{"config": "metricsConfig: {enabled: false}\ntelemetryConfig: {enabled: false}\n"},
	})
	a := &argo{kubeconfig: filepath.Join(b.TempDir(), "kubeconfig")}
	config := kubeconfig(s)
	config.AuthInfos["fleet"].Impersonate = ""
	config.Contexts["fleet"].Namespace = namespace
	if err := clientcmd.WriteToFile(config, a.kubeconfig); err != nil {
		b.Fatal(err)
	}
	var err error
	if a.log, err = os.Create(filepath.Join(b.TempDir(), "argo.log")); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		a.kill()
		_ = a.log.Close()
		if log, _ := os.ReadFile(a.log.Name()); b.Failed() {
			lines := strings.Split(string(log), "\n")
			b.Logf("the end of Argo's log:\n%s", strings.Join(lines[max(0, len(lines)-20):], "\n"))
		}
	})
	a.start(b)
	return a
}

func (a *argo) start(b *testing.B) {
	b.Helper()
	controller := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "workflow-controller")
	a.process = exec.Command(controller, "--kubeconfig="+a.kubeconfig, "--executor-image=argoexec", "--loglevel=warn", "--qps=50", "--burst=75")
	a.process.Env = append(os.Environ(), "LEADER_ELECTION_DISABLE=true")
	a.process.Stdout, a.process.Stderr = a.log, a.log
	a.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := a.process.Start(); err != nil {
		b.Fatalf("cannot start Argo's controller, which make fleet builds: %v", err)
	}
	process, died := a.process, make(chan struct{})
	a.died = died
	go func() {
		_ = process.Wait()
		close(died)
	}()
}

// kill ends the process with SIGKILL, and waits until it is dead.
func (a *argo) kill() {
	if a.process == nil {
		return
	}
	_ = a.process.Process.Kill()
	<-a.died
	a.process = nil
}

// revive starts the controller again if it has ended, as without an API server.
func (a *argo) revive(b *testing.B) {
	b.Helper()
	select {
	case <-a.died:
		say("Argo's controller has ended: %s", a.process.ProcessState)
		if a.ends++; a.ends > mostEnds {
			b.Fatal("Argo's controller cannot live")
		}
		a.start(b)
	default:
	}
}
