// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Store-front stands in front of an object store and breaks requests when a test
// asks for it: answers with an error, slow or no answers, resets, an expired
// certificate. It terminates TLS. It does not verify the store behind it, which is
// in the same pod.
package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", ":8443", "where clients of the store come, with TLS")
	admin := flag.String("admin", ":8081", "where a test sets the fault, without TLS")
	upstream := flag.String("upstream", "https://127.0.0.1:9000", "the store")
	pair := flag.String("tls", "/tls", "directory with the certificate, tls.crt and tls.key")
	expired := flag.String("expired", "/tls-expired", "directory with one that has expired, for the fault of that name")
	flag.Parse()
	target, err := url.Parse(*upstream)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := certificate(*pair); err != nil {
		log.Fatal(err)
	}
	f := newFront(target)
	f.pair, f.expired = *pair, *expired
	ended := make(chan error)
	go func() {
		server := &http.Server{Addr: *admin, Handler: f.admin(), ReadHeaderTimeout: time.Minute}
		ended <- server.ListenAndServe()
	}()
	f.server.Addr = *listen
	go func() { ended <- f.server.ListenAndServeTLS("", "") }()
	log.Fatal(<-ended)
}

// certificate reads the certificate for each connection, because a Secret may change.
func certificate(dir string) (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no certificate, mount a Secret with tls.crt and tls.key: %w", err)
	}
	return &c, err
}
