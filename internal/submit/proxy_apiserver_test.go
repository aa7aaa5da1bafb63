//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// proxy leads connections to the API server, and can cut them.
type proxy struct {
	address string
	mutex   sync.Mutex
	open    []net.Conn
}

func startProxy(t *testing.T, config *rest.Config) *proxy {
	t.Helper()
	server, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	to := server.Host
	if to == "" {
		to = config.Host
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It lasts as long as the test.
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: listener.Addr().String()}
	t.Cleanup(func() { _ = listener.Close(); p.cut() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			p.lead(from, to)
		}
	}()
	return p
}

func (p *proxy) lead(from net.Conn, address string) {
	to, err := net.Dial("tcp", address) //nolint:noctx // It lasts as long as the test.
	if err != nil {
		_ = from.Close()
		return
	}
	p.mutex.Lock()
	p.open = append(p.open, from, to)
	p.mutex.Unlock()
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
		}()
	}
}

// cut ends all connections, and returns how many there were.
func (p *proxy) cut() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, c := range p.open {
		_ = c.Close()
	}
	n := len(p.open)
	p.open = nil
	return n
}
