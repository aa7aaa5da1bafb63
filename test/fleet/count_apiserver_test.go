//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
)

// request is a kind of request, as the API server counts it.
type request struct {
	verb, resource, code string
}

func (r request) isRead() bool {
	return slices.Contains([]string{"GET", "LIST", "WATCH"}, r.verb)
}

func (r request) String() string {
	text := r.verb + " " + r.resource
	// 409 is a conflict, or an object that exists; 404 an object that does not.
	if !strings.HasPrefix(r.code, "2") {
		text += " (" + r.code + ")"
	}
	return text
}

// requests counts them.
type requests map[request]float64

// foreign are resources that only the API server itself asks for, and leases, which the
// operator renews while it lives.
var foreign = []string{"", "leases", "endpoints", "endpointslices", "apiservices", "flowschemas", "prioritylevelconfigurations", "namespaces", "services", "ipaddresses", "servicecidrs", "customresourcedefinitions"}

// requests are those that the API server has counted, without foreign ones and without the
// lists of this program.
func (s *server) requests(b *testing.B) requests {
	b.Helper()
	counts := requests{}
	client, err := rest.HTTPClientFor(s.config)
	if err != nil {
		b.Fatal(err)
	}
	samples, err := scrape(client, strings.TrimSuffix(s.config.Host, "/")+"/metrics", "apiserver_request_total")
	if err != nil {
		b.Fatalf("cannot read the metrics of the API server: %v", err)
	}
	for _, m := range samples {
		resource := m.labels["resource"]
		if slices.Contains(foreign, resource) {
			continue
		}
		if sub := m.labels["subresource"]; sub != "" {
			resource += "/" + sub
		}
		counts[request{verb: m.labels["verb"], resource: resource, code: m.labels["code"]}] += m.value
	}
	for resource, n := range s.lists {
		counts[request{verb: "LIST", resource: resource, code: "200"}] -= n
	}
	return counts
}

// since returns what was added to some earlier counts.
func (r requests) since(before requests) requests {
	added := requests{}
	for kind, n := range r {
		if n -= before[kind]; n > 0 {
			added[kind] = n
		}
	}
	return added
}

// withoutElection leaves out the event that says who leads. Each start has one.
func (r requests) withoutElection() requests {
	event := request{verb: "POST", resource: "events", code: "201"}
	if r[event]--; r[event] <= 0 {
		delete(r, event)
	}
	return r
}

// sum adds up the kinds of which a test is true.
func (r requests) sum(is func(request) bool) (sum float64) {
	for kind, n := range r {
		if is(kind) {
			sum += n
		}
	}
	return sum
}

func (r requests) writes() float64 {
	return r.sum(func(kind request) bool { return !kind.isRead() })
}

// conflicts are the writes that were refused because somebody else had written.
func (r requests) conflicts() float64 {
	return r.sum(func(kind request) bool { return kind.code == "409" && kind.verb != "POST" })
}

func (r requests) all() float64 { return r.sum(func(request) bool { return true }) }

// each prints the kinds of request for each of n clusters, the most frequent first.
func (r requests) each(n int) string {
	kinds := slices.SortedFunc(maps.Keys(r), func(a, b request) int {
		return cmp.Or(cmp.Compare(r[b], r[a]), cmp.Compare(a.String(), b.String()))
	})
	var text strings.Builder
	for _, kind := range kinds {
		fmt.Fprintf(&text, "  %8.3f a cluster, %7.0f in all: %s\n", r[kind]/float64(n), r[kind], kind)
	}
	return text.String()
}

// scrape reads one metric.
func scrape(client *http.Client, url, metric string) ([]sample, error) {
	answer, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("cannot read %s: %s", url, answer.Status)
	}
	return parse(answer.Body, metric)
}

type sample struct {
	labels map[string]string
	value  float64
}

// parse reads one metric of a text that may be long.
func parse(text io.Reader, metric string) (samples []sample, err error) {
	var lines bytes.Buffer
	scanner := bufio.NewScanner(text)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if line := scanner.Text(); strings.HasPrefix(line, metric+"{") || strings.HasPrefix(line, metric+" ") {
			lines.WriteString(line + "\n")
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(&lines)
	if err != nil {
		return nil, err
	}
	for _, m := range families[metric].GetMetric() {
		labels := map[string]string{}
		for _, label := range m.GetLabel() {
			labels[label.GetName()] = label.GetValue()
		}
		// Without its type each is untyped.
		samples = append(samples, sample{labels, m.GetUntyped().GetValue()})
	}
	return samples, nil
}
