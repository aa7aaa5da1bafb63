// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// world is a store that repeats what it is sent, the front, and a client.
type world struct {
	t      *testing.T
	client *http.Client
	url    string // of the front
	admin  string
}

const object = "0123456789abcdefghijklmnopqrstuvwxyz"

func newWorld(t *testing.T) *world {
	t.Helper()
	store := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if len(body) == 0 && r.Method == http.MethodGet {
			body = []byte(object)
		}
		w.Header().Set("X-Seen", r.Method+" "+r.Host+" "+r.RequestURI+" ["+r.Header.Get("Accept-Encoding")+r.Header.Get("X-Forwarded-For")+"]")
		_, _ = w.Write(body)
	}))
	t.Cleanup(store.Close)
	target, err := url.Parse(store.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := newFront(target)
	f.pair, f.expired = t.TempDir(), t.TempDir()
	roots := x509.NewCertPool()
	roots.AddCert(writePair(t, f.pair, time.Now().Add(time.Hour)))
	roots.AddCert(writePair(t, f.expired, time.Now().Add(-time.Hour)))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = f.server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = f.server.Close() })
	admin := httptest.NewServer(f.admin())
	t.Cleanup(admin.Close)
	transport := &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(8)},
		DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &world{t: t, client: &http.Client{Transport: transport}, url: "https://" + listener.Addr().String(), admin: admin.URL + "/fault"}
}

// writePair makes a certificate that is its own authority.
func writePair(t *testing.T, dir string, until time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(until.Unix()), NotBefore: until.Add(-2 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate
}

// ask sends a request and returns status and body.
func (w *world) ask(ctx context.Context, method, path, body string) (int, string, error) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := w.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	return response.StatusCode, string(b), err
}

// passes fails the test unless the store answers the request.
func (w *world) passes(method, path string) {
	w.t.Helper()
	if code, body, err := w.ask(w.t.Context(), method, path, ""); code != http.StatusOK || body != object && method == http.MethodGet {
		w.t.Errorf("%s %s: %d %q, %v; want the answer of the store", method, path, code, body, err)
	}
}

// breaks sets a fault, or removes it with "".
func (w *world) breaks(fault string) tally {
	w.t.Helper()
	method := http.MethodPut
	if fault == "" {
		method = http.MethodDelete
	}
	code, body := w.tell(method, fault)
	var done tally
	if err := json.Unmarshal([]byte(body), &done); code != http.StatusOK || err != nil {
		w.t.Fatalf("%s %s: %d %s", method, fault, code, body)
	}
	return done
}

// wantOneHit ends the fault and checks that it broke one request.
func (w *world) wantOneHit() {
	w.t.Helper()
	if done := w.breaks(""); done.Hits != 1 {
		w.t.Errorf("%+v, want one hit", done)
	}
}

func (w *world) tell(method, fault string) (int, string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.admin, strings.NewReader(fault))
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// The store must see what the client has signed: host, path and query unchanged.
func TestPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/bucket/a%2Bb%20c?list-type=2&prefix=x%2Fy"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.url+path, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "store.example.test"
	response, err := w.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "body" {
		t.Errorf("body %q, %v", body, err)
	}
	if diff := cmp.Diff("PUT store.example.test "+path+" []", response.Header.Get("X-Seen")); diff != "" {
		t.Errorf("what the store saw (-want +got):\n%s", diff)
	}
	if done := w.breaks(""); done.Hits != 0 || done.Requests != 1 {
		t.Errorf("%+v, want one request and no hit", done)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{
		`{"kind":"status","code":503}`:                                "<Code>SlowDown</Code>",
		`{"kind":"status","code":403}`:                                "<Code>AccessDenied</Code>",
		`{"kind":"status","code":403,"error":"RequestTimeTooSkewed"}`: "<Code>RequestTimeTooSkewed</Code>",
	} {
		w := newWorld(t)
		set := w.breaks(fault)
		code, body, err := w.ask(t.Context(), http.MethodPut, "/bucket/object", strings.Repeat("x", 1<<20))
		if err != nil || code != set.Fault.Code || !strings.Contains(body, want) || !strings.HasPrefix(body, "<?xml") {
			t.Errorf("%s: %d %q, %v; want %s", fault, code, body, err, want)
		}
		if done := w.breaks(""); done.Hits != 1 {
			t.Errorf("%s: %+v, want one hit", fault, done)
		}
		w.passes(http.MethodGet, "/")
	}
}

func TestOnlySomeRequests(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limits string
		want   string // for five requests: x is broken, . passes
	}{
		"All":            {"", "xxxxx"},
		"EveryOther":     {`,"every":2`, ".x.x."},
		"TheNextTwo":     {`,"next":2`, "xx..."},
		"EveryOtherOnce": {`,"every":2,"next":1`, ".x..."},
		"OtherMethod":    {`,"method":"PUT"`, "....."},
		"SameMethod":     {`,"method":"GET"`, "xxxxx"},
		"OtherPath":      {`,"path":"/bucket/b"`, "....."},
		"SamePath":       {`,"path":"/bucket/a"`, "xxxxx"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.breaks(`{"kind":"status","code":503` + tc.limits + `}`)
			got := ""
			for range 5 {
				code, _, err := w.ask(t.Context(), http.MethodGet, "/bucket/archive", "")
				if err != nil {
					t.Fatal(err)
				}
				got += map[int]string{http.StatusOK: ".", http.StatusServiceUnavailable: "x"}[code]
			}
			if got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
			if done := w.breaks(""); done.Requests != 5 || done.Hits != strings.Count(tc.want, "x") {
				t.Errorf("counted %+v", done)
			}
		})
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breaks(`{"kind":"delay","delay":"300ms"}`)
	began := time.Now()
	w.passes(http.MethodGet, "/")
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("took %s", took)
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breaks(`{"kind":"slow","rate":100}`)
	for _, body := range []string{"", strings.Repeat("x", 30)} { // The answer of 36 bytes; 30 there and back.
		began := time.Now()
		_, got, err := w.ask(t.Context(), http.MethodGet, "/", body)
		if want := max(len(object), 2*len(body)); err != nil || time.Since(began) < time.Duration(want)*10*time.Millisecond {
			t.Errorf("took %s for %q, %v; want %d bytes at 100 a second", time.Since(began), got, err, want)
		}
	}
}

func TestHang(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breaks(`{"kind":"hang"}`)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, _, err := w.ask(ctx, http.MethodPut, "/", "body"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want no answer", err)
	}
	w.breaks("")
	w.passes(http.MethodGet, "/")
}

// The peer sees a reset, not an end that TLS or HTTP would accept as normal.
func TestReset(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ method, body string }{
		"Answer":            {http.MethodGet, ""},
		"AnswerWithoutBody": {http.MethodHead, ""},
		"EmptyAnswer":       {http.MethodDelete, ""},
		"Request":           {http.MethodPut, strings.Repeat("x", 8<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.breaks(`{"kind":"reset","next":1}`)
			_, got, err := w.ask(t.Context(), tc.method, "/", tc.body)
			// The sender may have closed its end before it writes.
			seen := errors.Is(err, syscall.ECONNRESET) || tc.body != "" && (errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed))
			if !seen || len(got) >= len(object) {
				t.Errorf("got %d bytes, err = %v, want a reset", len(got), err)
			}
			w.wantOneHit()
			w.passes(tc.method, "/")
		})
	}
}

// No client avoids the certificate with an earlier connection or session.
func TestExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.passes(http.MethodGet, "/")
	w.breaks(`{"kind":"expired"}`)
	var invalid x509.CertificateInvalidError
	if _, _, err := w.ask(t.Context(), http.MethodGet, "/", ""); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("err = %v, want an expired certificate", err)
	}
	w.wantOneHit()
	w.passes(http.MethodGet, "/")
}

func TestRefusesFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for fault, want := range map[string]string{
		``:                                  "EOF",
		`{"kind":"explode"}`:                "status, delay",
		`{"kind":"status"}`:                 "400 to 599",
		`{"kind":"status","code":200}`:      "400 to 599",
		`{"kind":"status","code":418}`:      "needs the error",
		`{"kind":"delay"}`:                  "2s",
		`{"kind":"delay","delay":"soon"}`:   "soon",
		`{"kind":"slow"}`:                   "bytes per second",
		`{"kind":"hang","every":-1}`:        "not be negative",
		`{"kind":"hang","evry":1}`:          "evry",
		`{"kind":"expired","method":"GET"}`: "before they are known",
	} {
		if code, body := w.tell(http.MethodPut, fault); code != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d %q, want %q", fault, code, body, want)
		}
	}
	if _, body := w.tell(http.MethodGet, ""); !strings.Contains(body, `"kind":"pass"`) {
		t.Errorf("a fault was set: %s", body)
	}
}

func TestExpiredNeedsItsCertificate(t *testing.T) {
	t.Parallel()
	f := newFront(&url.URL{})
	f.expired = t.TempDir()
	if _, err := f.read(strings.NewReader(`{"kind":"expired"}`)); err == nil || !strings.Contains(err.Error(), "mount a Secret") {
		t.Errorf("err = %v, want advice", err)
	}
}
