// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/sync/singleflight"
	"k8s.io/utils/clock"
)

const (
	// maxScrapes is how many clients may read at the same time. Each may hold a page, of
	// 300 bytes for each cluster.
	maxScrapes = 8
	// readTimeout is how long a client may take to read a page. Prometheus waits 10 s by
	// default.
	readTimeout = time.Minute
)

// Page is what Prometheus reads. It is made once for all who ask while it is made, and held
// compressed: the text for 10,000 clusters is 90 MB.
type Page struct {
	others  prometheus.Gatherer
	clock   clock.PassiveClock
	reading chan struct{}
	making  singleflight.Group

	clusters atomic.Pointer[Collector]
}

var _ http.Handler = &Page{}

// NewPage returns a page without clusters. Others are the metrics of the process.
func NewPage(others prometheus.Gatherer, clk clock.PassiveClock) *Page {
	return &Page{others: others, clock: clk, reading: make(chan struct{}, maxScrapes)}
}

// Show adds the clusters.
func (p *Page) Show(clusters *Collector) { p.clusters.Store(clusters) }

// ServeHTTP implements http.Handler. The answer is whole, or it is an error with what
// went wrong: half of the clusters would look like all of them.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case p.reading <- struct{}{}:
		defer func() { <-p.reading }()
	default:
		http.Error(w, fmt.Sprintf("%d clients read the metrics already, try again later", maxScrapes), http.StatusServiceUnavailable)
		return
	}
	ctx := context.WithoutCancel(r.Context()) // Others may wait for the same page.
	made, err, _ := p.making.Do("", func() (any, error) { return p.compressed(ctx) })
	if err != nil {
		http.Error(w, "An error has occurred while serving metrics:\n\n"+err.Error(), http.StatusInternalServerError)
		return
	}
	connection := http.NewResponseController(w)
	if err := connection.SetWriteDeadline(p.clock.Now().Add(readTimeout)); err == nil {
		defer func() { _ = connection.SetWriteDeadline(time.Time{}) }()
	}
	w.Header().Set("Content-Type", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	// A client that has gone away has no use for an error.
	_ = made.(pieces).send(w, acceptsGzip(r.Header))
}

// compressed makes the page.
func (p *Page) compressed(ctx context.Context) (pieces, error) {
	shown, gather := newSamples(nil), prometheus.Gatherers{p.others}
	if c := p.clusters.Load(); c != nil {
		var err error
		var ours []prometheus.Gatherer
		if shown, ours, err = c.collect(ctx); err != nil {
			return nil, err
		}
		gather = append(gather, ours...)
	}
	others, err := gather.Gather()
	if err != nil {
		return nil, err
	}
	var made pieces
	w := newCompressor(&made)
	err = errors.Join(writeText(w, shown, others), w.Close())
	return made, err
}

// newCompressor panics if its level were none of gzip.
func newCompressor(to io.Writer) *gzip.Writer {
	w, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		panic(err)
	}
	return w
}

// pieces are a compressed page.
type pieces [][]byte

// Write implements io.Writer. A buffer that grows would be copied.
func (p *pieces) Write(text []byte) (int, error) {
	for rest := text; len(rest) > 0; {
		last := len(*p) - 1
		if last < 0 || len((*p)[last]) == cap((*p)[last]) {
			*p = append(*p, make([]byte, 0, pieceBytes))
			continue
		}
		piece := &(*p)[last]
		n := min(len(rest), cap(*piece)-len(*piece))
		*piece = append(*piece, rest[:n]...)
		rest = rest[n:]
	}
	return len(text), nil
}

// send sends the page, compressed if the client takes that.
func (p pieces) send(w http.ResponseWriter, compressed bool) error {
	read := net.Buffers(slices.Clone(p))
	if compressed {
		w.Header().Set("Content-Encoding", "gzip")
		_, err := io.Copy(w, &read)
		return err
	}
	text, err := gzip.NewReader(&read)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, text)
	return err
}

// acceptsGzip reads the header Accept-Encoding, such as "deflate, gzip;q=0.5".
func acceptsGzip(header http.Header) bool {
	for _, line := range header.Values("Accept-Encoding") {
		for offer := range strings.SplitSeq(line, ",") {
			name, quality, _ := strings.Cut(offer, ";")
			if strings.TrimSpace(name) != "gzip" {
				continue
			}
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(quality), "q="), 64)
			return err != nil || q > 0
		}
	}
	return false
}
