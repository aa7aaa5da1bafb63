//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package killed

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// The operator as the API server knows it.
const (
	operatorNamespace = "stanzaflow-system"
	operatorUser      = "system:serviceaccount:" + operatorNamespace + ":stanzaflow"
)

// operator is a process, and the proxy through which it reaches the API server.
type operator struct {
	t          *testing.T
	program    string
	namespace  string
	kubeconfig string
	log        *os.File

	mu      sync.Mutex
	process *exec.Cmd // guarded by mu, as all below
	// strike is what to kill at; nil if nothing.
	strike *strike
	// wrote is when the operator last wrote.
	wrote time.Time
}

// strike is a write at which the operator is killed.
type strike struct {
	write

	// hit is closed when the operator is dead.
	hit chan struct{}
}

// newOperator starts the proxy. The operator watches only the namespace of the trial.
func newOperator(t *testing.T, s *server, namespace string) *operator {
	t.Helper()
	o := &operator{t: t, program: s.program, namespace: namespace, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	config := rest.CopyConfig(s.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: operatorUser}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		// A watch must arrive at once.
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.serve(w, r, forward) }))
	t.Cleanup(func() { proxy.CloseClientConnections(); proxy.Close() })
	clusters := map[string]*clientcmdapi.Cluster{"proxy": {Server: proxy.URL}}
	contexts := map[string]*clientcmdapi.Context{"proxy": {Cluster: "proxy"}}
	if err := clientcmd.WriteToFile(clientcmdapi.Config{Clusters: clusters, Contexts: contexts, CurrentContext: "proxy"}, o.kubeconfig); err != nil {
		t.Fatal(err)
	}
	if o.log, err = os.Create(filepath.Join(t.TempDir(), "operator.log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.kill()
		_ = o.log.Close()
		if t.Failed() {
			log, _ := os.ReadFile(o.log.Name())
			lines := slices.DeleteFunc(strings.Split(string(log), "\n"), func(line string) bool { return strings.Contains(line, `"msg":"Starting`) })
			t.Logf("the operator's log, without its starts:\n%s", strings.Join(lines, "\n"))
		}
	})
	return o
}

// start starts a process. The one before may still run: then there are two.
func (o *operator) start() {
	o.t.Helper()
	process := exec.CommandContext(context.WithoutCancel(o.t.Context()), o.program, "manager", "--namespaces="+o.namespace, "--namespace="+operatorNamespace,
		"--metrics-bind-address=0", "--health-probe-bind-address=0")
	process.Env = append(os.Environ(), "KUBECONFIG="+o.kubeconfig)
	process.Stdout, process.Stderr = o.log, o.log
	if err := process.Start(); err != nil {
		o.t.Error(err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.process = process
}

// kill ends the newest process with SIGKILL, and waits until it is dead.
func (o *operator) kill() {
	o.mu.Lock()
	process := o.process
	o.process = nil
	o.mu.Unlock()
	end(process)
}

// takeProcess returns the newest process, which its taker ends.
func (o *operator) takeProcess() *exec.Cmd {
	o.mu.Lock()
	defer o.mu.Unlock()
	process := o.process
	o.process = nil
	return process
}

func end(process *exec.Cmd) {
	if process == nil {
		return
	}
	_ = process.Process.Kill()
	_ = process.Wait()
}

// killAt kills the operator at a write from now on. The channel is closed when it is dead.
func (o *operator) killAt(at write) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.strike = &strike{at, make(chan struct{})}
	return o.strike.hit
}

// disarm forgets a strike that has not hit.
func (o *operator) disarm() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.strike = nil
}

// quietFor is how long the operator has not written.
func (o *operator) quietFor() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.wrote)
}

// serve forwards a request, unless the operator is killed at it.
func (o *operator) serve(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	hit := o.note(r)
	if hit == nil {
		forward.ServeHTTP(w, r)
		return
	}
	if hit.carriedOut {
		forward.ServeHTTP(httptest.NewRecorder(), r)
	}
	o.t.Logf("killed at %s %s, carried out: %v", r.Method, r.URL.Path, hit.carriedOut)
	o.kill()
	close(hit.hit)
	panic(http.ErrAbortHandler)
}

// note counts a write. It returns the strike if this is its write.
func (o *operator) note(r *http.Request) *strike {
	if r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, "/events") {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wrote = time.Now()
	if o.strike == nil || !strings.Contains(r.URL.Path, o.strike.path) {
		return nil
	}
	if o.strike.left > 0 {
		o.strike.left--
		return nil
	}
	hit := o.strike
	o.strike = nil
	return hit
}
