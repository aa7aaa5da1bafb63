// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// fixedPage is the page of a Cache.
func fixedPage(t *testing.T, stanzas Cache) *Page {
	t.Helper()
	others := prometheus.NewRegistry()
	others.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector())
	page := NewPage(others, testingclock.NewFakeClock(now))
	page.Show(fixedCollector(stanzas))
	return page
}

func ask(page *Page, encoding string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	request.Header.Set("Accept-Encoding", encoding)
	answer := httptest.NewRecorder()
	page.ServeHTTP(answer, request)
	return answer
}

// TestPage has the metrics of clusters among the others, in the order of their names,
// compressed for whoever takes that.
func TestPage(t *testing.T) {
	state, _ := fixedState()
	page := fixedPage(t, state)
	for encoding, compressed := range map[string]bool{"": false, "identity": false, "gzip": true, "deflate, gzip;q=0.5": true, "gzip;q=0, br": false} {
		answer := ask(page, encoding)
		if got := answer.Header().Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
			t.Errorf("Content-Type is %s", got)
		}
		if got := answer.Header().Get("Content-Encoding") == "gzip"; got != compressed {
			t.Fatalf("for %q the page is compressed: %v", encoding, got)
		}
		body := io.Reader(answer.Body)
		if compressed {
			var err error
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(line, "# HELP "); ok {
				names = append(names, strings.Fields(name)[0])
			}
		}
		if !slices.IsSorted(names) || !slices.Contains(names, "go_goroutines") || !slices.Contains(names, "stanzaflow_condition") || !slices.Contains(names, "stanzaflow_leader") {
			t.Errorf("the families are %v", names)
		}
	}
}

// TestPageWithoutClusters is that of a manager that is about to start.
func TestPageWithoutClusters(t *testing.T) {
	others := prometheus.NewRegistry()
	others.MustRegister(collectors.NewGoCollector())
	answer := ask(NewPage(others, testingclock.NewFakeClock(now)), "")
	if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "\ngo_goroutines ") || strings.Contains(answer.Body.String(), "stanzaflow") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

// visits is a Cache that is a function.
type visits func(ctx context.Context, visit func(client.Object) error) error

func (v visits) Each(ctx context.Context, _ client.Object, visit func(client.Object) error) error {
	return v(ctx, visit)
}

// TestScrapeFailsWithoutACache: clusters that are missing would look deleted.
func TestScrapeFailsWithoutACache(t *testing.T) {
	state, _ := fixedState()
	for name, cache := range map[string]visits{
		"no cluster": func(context.Context, func(client.Object) error) error { return errors.New("the cache is not filled") },
		"half of them": func(ctx context.Context, visit func(client.Object) error) error {
			return errors.Join(state[:2].Each(ctx, nil, visit), errors.New("the cache is not filled"))
		},
	} {
		page := fixedPage(t, cache)
		remembered := len(page.clusters.Load().passes)
		answer := ask(page, "gzip")
		if answer.Code != http.StatusInternalServerError || !strings.Contains(answer.Body.String(), "cannot list the Stanzas: the cache is not filled") || strings.Contains(answer.Body.String(), "stanzaflow_") {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
		if got := len(page.clusters.Load().passes); got != remembered {
			t.Errorf("%s: of %d clusters %d are remembered", name, remembered, got)
		}
	}
}

// TestScrapesAtTheSameTime make one page at a time, and do not disturb a pass.
func TestScrapesAtTheSameTime(t *testing.T) {
	state, passes := fixedState()
	var making atomic.Int32
	var first sync.Once
	began, finish := make(chan struct{}), make(chan struct{})
	page := fixedPage(t, visits(func(ctx context.Context, visit func(client.Object) error) error {
		if making.Add(1) > 1 {
			t.Error("two pages are made at the same time")
		}
		defer making.Add(-1)
		first.Do(func() { close(began) })
		<-finish
		return state.Each(ctx, nil, visit)
	}))
	texts := make([]string, maxScrapes)
	var done sync.WaitGroup
	for i := range texts {
		done.Go(func() { texts[i] = ask(page, "").Body.String() })
	}
	<-began
	for len(page.reading) < maxScrapes {
		runtime.Gosched() // until all have come
	}
	if answer := ask(page, ""); answer.Code != http.StatusServiceUnavailable {
		t.Errorf("one more than may read: %d", answer.Code)
	}
	c := page.clusters.Load()
	c.Passed(keyOf(&state[0]), passes[keyOf(&state[0]).String()])
	another := stanza("shop", "another")
	c.Passed(keyOf(&another), Pass{})
	close(finish)
	done.Wait()
	for _, text := range texts {
		if !strings.Contains(text, `stanzaflow_schedule_overdue{cluster="orders",namespace="shop",repo="repo1",type="full"} 0`) {
			t.Errorf("a page lacks a cluster:\n%s", text)
		}
	}
}

// TestClusterThatComesDuringAScrape is not forgotten, though the scrape has not seen it.
func TestClusterThatComesDuringAScrape(t *testing.T) {
	state, _ := fixedState()
	var c *Collector
	another := stanza("shop", "another")
	page := fixedPage(t, visits(func(ctx context.Context, visit func(client.Object) error) error {
		c.Passed(keyOf(&another), Pass{Waiting: 2})
		return state.Each(ctx, nil, visit)
	}))
	c = page.clusters.Load()
	ask(page, "")
	if is := c.passes[keyOf(&another)]; is == nil || is.Waiting != 2 {
		t.Errorf("of the cluster is known: %v", is)
	}
}

// TestPageOfTheEndpoint is served where controller-runtime would serve its own, behind the
// filter if there is one.
func TestPageOfTheEndpoint(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ours") })
	serve := func(t *testing.T, filter func(logr.Logger, http.Handler) (http.Handler, error)) string {
		t.Helper()
		handler, err := filter(logr.Discard(), http.NotFoundHandler())
		if err != nil {
			t.Fatal(err)
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		return answer.Body.String()
	}
	server, err := Endpoint{Address: ":8080", Page: page}.Server()
	if err != nil {
		t.Fatal(err)
	}
	filter, err := server.FilterProvider(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := serve(t, filter); got != "ours" {
		t.Errorf("without authentication: %q", got)
	}
	refuse := func(handler http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "checked, ")
			handler.ServeHTTP(w, r)
		})
	}
	checked, err := behind(func(string, *http.Client) (metricsserver.Filter, error) {
		return func(_ logr.Logger, handler http.Handler) (http.Handler, error) { return refuse(handler), nil }, nil
	}, page)("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := serve(t, checked); got != "checked, ours" {
		t.Errorf("behind a filter: %q", got)
	}
}

// TestClientThatReadsNoMore does not keep a page for ever.
func TestClientThatReadsNoMore(t *testing.T) {
	// The clock of the page is in the past, so that the time to read is over at once.
	state := make(stanzas, 0, 200)
	for i := range cap(state) { // 30 MB of text, more than a connection holds
		state = append(state, healthy("shop", strings.Repeat("x", 1000)+string(rune('a'+i))))
	}
	page := fixedPage(t, state)
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.ServeHTTP(w, r)
		close(ended)
	}))
	defer server.Close()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := io.WriteString(connection, "GET /metrics HTTP/1.1\r\nHost: stanzaflow\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-ended
	if len(page.reading) > 0 {
		t.Error("the client counts as one that reads")
	}
}
