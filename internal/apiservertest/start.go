// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package apiservertest

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// Start starts an API server with some CRDs, which are files, until the end of the
// test. Its config is that of an administrator and limits no requests.
func Start(t testing.TB, crds ...string) *rest.Config {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set: it must name a directory with kube-apiserver, etcd and kubectl, such as the output of `go run . path bin` in test/cluster")
	}
	logs := io.Discard
	verbose := os.Getenv("STANZAFLOW_TEST_VERBOSE") != ""
	if verbose {
		logs = os.Stderr
	}
	ctrl.SetLogger(zap.New(zap.WriteTo(logs)))
	environment := &envtest.Environment{
		CRDDirectoryPaths:     crds,
		ErrorIfCRDPathMissing: true,
		// Argo's full schemas take long on a machine that has other work.
		CRDInstallOptions:        envtest.CRDInstallOptions{MaxTime: 2 * time.Minute},
		AttachControlPlaneOutput: verbose,
		ControlPlaneStartTimeout: 3 * time.Minute,
		ControlPlaneStopTimeout:  time.Minute,
	}
	config, err := environment.Start()
	if err != nil {
		t.Fatalf("cannot start the API server: %v", err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Errorf("cannot stop the API server: %v", err)
		}
	})
	config.QPS, config.Burst = -1, -1
	return config
}

// Poll polls until a check passes. Its error is what the check found instead.
func Poll(check func() error) error {
	deadline := time.NewTimer(90 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-deadline.C:
			return fmt.Errorf("gave up: %w", err)
		case <-tick.C:
		}
	}
}
