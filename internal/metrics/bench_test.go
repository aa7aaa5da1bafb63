// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// fleet is a Cache of many clusters that holds none of them: it makes each from its JSON,
// as the cache of the operator does.
type fleet struct {
	content  []byte
	clusters int
	// visited is called after each visit.
	visited func(n int)
}

func newFleet(tb testing.TB, clusters int) fleet {
	tb.Helper()
	s := healthy("namespace", "cluster")
	content, err := json.Marshal(&s)
	if err != nil {
		tb.Fatal(err)
	}
	return fleet{content: content, clusters: clusters, visited: func(int) {}}
}

func (f fleet) Each(_ context.Context, _ client.Object, visit func(client.Object) error) error {
	for n := range f.clusters {
		s := &stanzaflowv1alpha1.Stanza{}
		if err := json.Unmarshal(f.content, s); err != nil {
			return err
		}
		// No order that is good for us.
		s.Namespace, s.Name = fmt.Sprintf("namespace-%d", n%10), fmt.Sprintf("cluster-%d", n*7919%f.clusters)
		if err := visit(s); err != nil {
			return err
		}
		f.visited(n)
	}
	return nil
}

// pageOf is the page of a fleet whose clusters have had a pass.
func pageOf(tb testing.TB, f fleet) (*Page, *Collector) {
	tb.Helper()
	clock := testingclock.NewFakeClock(now)
	c := New(Options{Stanzas: f, Clock: clock, Leads: func() bool { return true }})
	err := f.Each(tb.Context(), nil, func(o client.Object) error {
		c.Passed(client.ObjectKeyFromObject(o), Pass{
			Watched: now, WatchMaxAge: time.Hour, Runway: 24 * time.Hour, Schedules: []Schedule{{"repo1", "full"}, {"repo1", "incr"}},
		})
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	page := NewPage(prometheus.NewRegistry(), clock)
	page.Show(c)
	return page, c
}

func compressedScrape(tb testing.TB, page *Page) *httptest.ResponseRecorder {
	tb.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	request.Header.Set("Accept-Encoding", "gzip")
	answer := httptest.NewRecorder()
	page.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		tb.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return answer
}

// BenchmarkScrape is what one scrape costs, with reading the clusters, the text and its
// compression. Peak-live-MB is what a scrape holds at most at the same time.
func BenchmarkScrape(b *testing.B) {
	for _, clusters := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(clusters), func(b *testing.B) {
			f := newFleet(b, clusters)
			page, c := pageOf(b, f)
			compressedScrape(b, page)
			b.ReportAllocs()
			for b.Loop() {
				b.ReportMetric(float64(compressedScrape(b, page).Body.Len()), "B/scrape")
			}
			b.ReportMetric(float64(peakOf(b, f, page, c))/(1<<20), "peak-live-MB")
		})
	}
}

// peakOf measures what one scrape holds at most: what is live in the heap after a garbage
// collection in the course of it, more than before it.
func peakOf(tb testing.TB, f fleet, page *Page, c *Collector) uint64 {
	tb.Helper()
	before := live()
	var peak uint64
	measure := func() { peak = max(peak, live()) }
	f.visited = func(n int) {
		if (n+1)%(f.clusters/10) == 0 {
			measure()
		}
	}
	c.options.Stanzas = f
	shown, _, err := c.collect(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	var made pieces
	w := newCompressor(&made)
	written := 0
	// The page is not made by Page, so that the measurement can interrupt it.
	if err := writeText(writerFunc(func(text []byte) (int, error) {
		if written++; written%200 == 0 {
			measure()
		}
		return w.Write(text)
	}), shown, nil); err != nil {
		tb.Fatal(err)
	}
	_ = w.Close()
	measure()
	runtime.KeepAlive(made)
	runtime.KeepAlive(page)
	return peak - min(before, peak)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(text []byte) (int, error) { return f(text) }

// live is what the heap holds after a garbage collection.
func live() uint64 {
	runtime.GC()
	runtime.GC() // What a sync.Pool holds survives the first one.
	var is runtime.MemStats
	runtime.ReadMemStats(&is)
	return is.HeapAlloc
}
