// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/streaming/pkg/httpstream/wsstream"
	"k8s.io/utils/clock"

	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// watchedAPI is an API server with the clusters of a Fleet, as far as the watch talks to it:
// over TLS, with objects as large as real ones, and exec over WebSocket.
type watchedAPI struct {
	t     *testing.T
	fleet *runtest.Fleet
}

// padding is what every object has beside what the watch reads.
var padding = map[string]any{"annotations": map[string]string{"last-applied": strings.Repeat("x", 6000)}}

func (f watchedAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[len(parts)-1] == "exec" {
		f.exec(r.Context(), w, r, parts[len(parts)-2])
		return
	}
	var items []any
	apiVersion, kind := "", ""
	switch parts[len(parts)-1] {
	case "postgresqls":
		apiVersion, kind = "cpo.opensource.cybertec.at/v1", "postgresql"
		clusters, err := f.fleet.Postgresqls(r.Context(), "")
		if err != nil {
			f.t.Error(err)
		}
		for _, c := range clusters {
			items = append(items, object(apiVersion, kind, c.Name, map[string]any{"backup": map[string]any{"pgbackrest": map[string]any{
				"repos": []any{map[string]any{"name": "repo1", "storage": c.PgBackRest.Repos[0].Storage, "resource": c.PgBackRest.Repos[0].Resource}},
			}}}))
		}
	case "stanzas":
		apiVersion, kind = "stanzaflow.dev/v1alpha1", "Stanza"
		stanzas, err := f.fleet.Stanzas(r.Context(), "")
		if err != nil {
			f.t.Error(err)
		}
		for name := range stanzas {
			items = append(items, object(apiVersion, kind, name, map[string]any{}))
		}
	case "pods":
		apiVersion, kind = "v1", "Pod"
		pods, err := f.fleet.PodsInBrief(r.Context(), "", nil)
		if err != nil {
			f.t.Error(err)
		}
		for _, pod := range pods {
			pod.APIVersion, pod.Kind = apiVersion, kind
			pod.Annotations = map[string]string{"last-applied": strings.Repeat("x", 6000)}
			items = append(items, pod)
		}
	default:
		f.t.Errorf("the watch asked for %s", r.URL)
	}
	f.page(w, r, apiVersion, kind, items)
}

// page answers with as many objects as the client asks for.
func (f watchedAPI) page(w http.ResponseWriter, r *http.Request, apiVersion, kind string, items []any) {
	slices.SortFunc(items, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		f.t.Errorf("a list without pages: %s", r.URL)
		return
	}
	first, _ := strconv.Atoi(r.URL.Query().Get("continue")) // The first page has none.
	next, last := "", min(first+limit, len(items))
	if last < len(items) {
		next = strconv.Itoa(last)
	}
	list := map[string]any{
		"apiVersion": apiVersion, "kind": kind + "List", "metadata": map[string]any{"continue": next, "resourceVersion": "1"}, "items": items[first:last],
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(list); err != nil {
		f.t.Error(err)
	}
}

func object(apiVersion, kind, name string, spec map[string]any) map[string]any {
	metadata := map[string]any{"name": name, "namespace": runtest.Namespace}
	maps.Copy(metadata, padding)
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": metadata, "spec": spec}
}

// exec answers a command over WebSocket.
func (f watchedAPI) exec(ctx context.Context, w http.ResponseWriter, r *http.Request, pod string) {
	channels := []wsstream.ChannelType{wsstream.IgnoreChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.IgnoreChannel}
	conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{"v5.channel.k8s.io": {Binary: true, Channels: channels}})
	// It logs that the client is gone when the server closes the connection.
	_, streams, err := conn.Open(w, r.WithContext(logr.NewContext(ctx, logr.Discard())))
	if err != nil {
		f.t.Error(err)
		return
	}
	defer func() { _ = conn.Close() }()
	query := r.URL.Query()
	place := remote.Place{Namespace: runtest.Namespace, Pod: pod, Container: query.Get("container")}
	if err := f.fleet.Exec(context.WithoutCancel(ctx), place, query["command"], streams[1], streams[2]); err != nil {
		f.t.Error(err)
	}
	_, _ = streams[3].Write([]byte(`{"metadata":{},"status":"Success"}`))
}

// kubeconfig is the access to a watchedAPI.
func kubeconfig(t *testing.T, server *httptest.Server) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["fake"] = &clientcmdapi.Cluster{Server: server.URL, InsecureSkipTLSVerify: true}
	config.AuthInfos["fake"] = &clientcmdapi.AuthInfo{Token: "x"}
	config.Contexts["fake"] = &clientcmdapi.Context{Cluster: "fake", AuthInfo: "fake", Namespace: runtest.Namespace}
	config.CurrentContext = "fake"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

const watchArguments = "STANZAFLOW_WATCH_ARGUMENTS"

// TestWatchProcess is the process of TestMemoryOfTheWatch.
func TestWatchProcess(t *testing.T) {
	arguments, ok := os.LookupEnv(watchArguments)
	if !ok {
		return
	}
	if code := run(t.Context(), clock.RealClock{}, append([]string{programName, "watch"}, strings.Fields(arguments)...)); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") || strings.HasPrefix(line, "RssFile:") {
			t.Log(strings.Join(strings.Fields(line), " "))
		}
	}
}

// TestMemoryOfTheWatch shows how much memory the program takes for a namespace of 100
// clusters: with the limits of the template, and an API server that takes 100 ms for each
// command.
func TestMemoryOfTheWatch(t *testing.T) {
	fleet := runtest.NewFleet(t)
	fleet.Latency = 100 * time.Millisecond
	for i := range 100 {
		name := fmt.Sprintf("db-%03d", i)
		if i%3 == 0 {
			fleet.AddWithRepoHost(name, 60)
			continue
		}
		m := fleet.Add(name, 60)
		for replica := 1; replica <= 2; replica++ {
			pod := m.Pods[0].DeepCopy()
			pod.Name, pod.Labels = fmt.Sprintf("%s-%d", name, replica), map[string]string{"application": "cpo"}
			m.Pods = append(m.Pods, *pod)
		}
	}
	server := httptest.NewTLSServer(watchedAPI{t, fleet})
	defer server.Close()
	outputs := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self, "-test.run=^TestWatchProcess$", "-test.v")
	command.Env = append(os.Environ(), "GOMEMLIMIT=48MiB", "GOGC=100", watchArguments+"=--outputs="+outputs+" --termination-log="+outputs+"/log --kubeconfig="+kubeconfig(t, server))
	began := time.Now()
	printed, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	text, err := os.ReadFile(filepath.Join(outputs, vocab.OutputReport))
	if err != nil {
		t.Fatal(err)
	}
	found, err := report.DecodeWatch(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, sample := range found.Clusters {
		if sample.WAL == nil || len(sample.Repos["repo1"].Labels) != 60 || sample.Message != "" {
			t.Errorf("%s: %+v", name, sample)
		}
	}
	peak, file := 0, 0
	for line := range strings.Lines(string(printed)) {
		if _, after, ok := strings.Cut(line, "VmHWM: "); ok {
			peak = kibibytes(t, after)
		}
		if _, after, ok := strings.Cut(line, "RssFile: "); ok {
			file = kibibytes(t, after)
		}
	}
	lists, commands := fleet.Requests()
	// The kernel can drop the pages of the file, and shares them with the operator.
	t.Logf("MEASURED watch of %d clusters by the program itself: peak memory %d KiB and %d KiB of its file, %s, %d lists, %d commands, report of %d bytes",
		len(found.Clusters), peak-file, file, time.Since(began).Round(time.Millisecond), lists, commands, len(text))
	if len(found.Clusters) != 100 || peak-file > 48<<10 {
		t.Errorf("%d clusters, %d KiB; want 100, and no more than GOMEMLIMIT", len(found.Clusters), peak-file)
	}
}

func kibibytes(t *testing.T, text string) int {
	t.Helper()
	count, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), " kB"))
	if err != nil {
		t.Fatal(err)
	}
	return count
}
