// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

type front struct {
	server        *http.Server
	proxy         *httputil.ReverseProxy
	pair, expired string // directories of certificates

	mu    sync.Mutex
	tally tally // guarded by mu
}

func newFront(store *url.URL) *front {
	f := &front{tally: tally{Fault: fault{Kind: pass}}}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(store)
			r.Out.Host = r.In.Host // The client has signed it.
		},
		FlushInterval: -1,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // The store is in the same pod.
			DisableCompression:  true,                                  // It would add a header.
			MaxIdleConnsPerHost: 32,
		},
	}
	f.server = &http.Server{
		Handler:           f,
		ReadHeaderTimeout: time.Minute,
		Protocols:         new(http.Protocols),
		TLSConfig: &tls.Config{
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate(f.certificates()) },
			// A client that resumes a session with a ticket sees no certificate.
			SessionTicketsDisabled: true,
			MinVersion:             tls.VersionTLS12,
		},
	}
	f.server.Protocols.SetHTTP1(true) // Each connection has one request at a time, and can be reset.
	return f
}

// certificates returns the directory of the certificate for a new connection.
func (f *front) certificates() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tally.Fault.Kind == expired && f.tally.next() {
		return f.expired
	}
	return f.pair
}

// take returns what to do with a request.
func (f *front) take(r *http.Request) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tally.Requests++
	if f.tally.Fault.Kind != expired && f.tally.Fault.concerns(r) && f.tally.next() {
		return f.tally.Fault
	}
	return fault{Kind: pass}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch broken := f.take(r); broken.Kind {
	case status:
		refuse(w, r, broken)
	case delay:
		if wait(r.Context(), broken.delay) == nil {
			f.proxy.ServeHTTP(w, r)
		}
	case slow:
		r.Body = slowBody{r.Body, r.Context(), broken.Rate}
		f.proxy.ServeHTTP(slowAnswer{w, r.Context(), broken.Rate}, r)
	case hang:
		// A handler only learns that the client has gone if it has read the request.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	case reset:
		if r.ContentLength != 0 {
			_, _ = io.CopyN(io.Discard, r.Body, max(1, r.ContentLength/2))
			resetConnection(w)
			return
		}
		f.proxy.ServeHTTP(&cutAnswer{ResponseWriter: w, head: r.Method == http.MethodHead}, r)
	default:
		f.proxy.ServeHTTP(w, r)
	}
}

// refuse answers with an error as S3 does.
func refuse(w http.ResponseWriter, r *http.Request, broken fault) {
	// A client that still sends does not read.
	_, _ = io.Copy(io.Discard, r.Body)
	body, err := xml.Marshal(struct {
		XMLName                 xml.Name `xml:"Error"`
		Code, Message, Resource string
	}{Code: broken.Error, Message: "a test wants it so", Resource: r.URL.Path})
	if err != nil {
		panic(err) // It consists of strings only.
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(broken.Code)
	_, _ = w.Write(append([]byte(xml.Header), body...))
}

// wait waits, or returns early with the context.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// admin serves GET, PUT and DELETE of /fault for a test. All answer with the fault
// and its counts. DELETE keeps the counts, PUT resets them.
func (f *front) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fault", func(w http.ResponseWriter, _ *http.Request) { f.tell(w) })
	mux.HandleFunc("DELETE /fault", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		f.tally.Fault = fault{Kind: pass}
		f.mu.Unlock()
		f.server.SetKeepAlivesEnabled(true)
		f.tell(w)
	})
	mux.HandleFunc("PUT /fault", func(w http.ResponseWriter, r *http.Request) {
		wanted, err := f.read(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		f.mu.Lock()
		f.tally = tally{Fault: wanted}
		f.mu.Unlock()
		// Open connections have seen the good certificate.
		f.server.SetKeepAlivesEnabled(wanted.Kind != expired)
		f.tell(w)
	})
	return mux
}

func (f *front) read(body io.Reader) (fault, error) {
	var wanted fault
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wanted); err != nil {
		return fault{}, err
	}
	wanted, err := wanted.complete()
	if err == nil && wanted.Kind == expired {
		_, err = certificate(f.expired)
	}
	return wanted, err
}

func (f *front) tell(w http.ResponseWriter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(f.tally); err != nil {
		log.Print(err) // The client has gone.
	}
}
