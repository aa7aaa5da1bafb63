// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	testingclock "k8s.io/utils/clock/testing"
)

// BenchmarkScrape is what one scrape of 1,000 clusters costs, with the text and its
// compression.
func BenchmarkScrape(b *testing.B) {
	state := make(stanzas, 0, 1000)
	for i := range cap(state) {
		state = append(state, healthy(fmt.Sprintf("namespace-%d", i%10), fmt.Sprintf("cluster-%d", i)))
	}
	c := New(Options{Stanzas: state, Clock: testingclock.NewFakeClock(now), Leads: func() bool { return true }})
	for i := range state {
		c.Passed(keyOf(&state[i]), Pass{
			Watched: now, WatchMaxAge: time.Hour, Runway: 24 * time.Hour, Schedules: []Schedule{{"repo1", "full"}, {"repo1", "incr"}},
		})
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept-Encoding", "gzip")
	b.ReportAllocs()
	for b.Loop() {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK {
			text, _ := io.ReadAll(answer.Body)
			b.Fatalf("%d %s", answer.Code, text)
		}
		b.ReportMetric(float64(answer.Body.Len()), "B/scrape")
	}
}
