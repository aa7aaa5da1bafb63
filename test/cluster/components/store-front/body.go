// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A slow body passes in chunks of this duration.
const turn = 100 * time.Millisecond

func perTurn(rate int) int { return max(1, rate*int(turn)/int(time.Second)) }

func pause(ctx context.Context, bytes, rate int) error {
	return wait(ctx, time.Duration(bytes)*time.Second/time.Duration(rate))
}

// slowBody is a request's body that passes slowly.
type slowBody struct {
	io.ReadCloser
	ctx  context.Context //nolint:containedctx // A reader has no other way to learn of a cancellation.
	rate int
}

func (b slowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), perTurn(b.rate))])
	if stopped := pause(b.ctx, n, b.rate); stopped != nil {
		return n, stopped
	}
	return n, err
}

// slowAnswer is an answer whose body passes slowly.
type slowAnswer struct {
	http.ResponseWriter
	ctx  context.Context //nolint:containedctx // A writer has no other way to learn of a cancellation.
	rate int
}

func (a slowAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a slowAnswer) Write(p []byte) (written int, err error) {
	for written < len(p) {
		some := p[written:min(len(p), written+perTurn(a.rate))]
		if err := pause(a.ctx, len(some), a.rate); err != nil {
			return written, err
		}
		n, err := a.ResponseWriter.Write(some)
		written += n
		if err != nil {
			return written, err
		}
		if err := http.NewResponseController(a.ResponseWriter).Flush(); err != nil {
			return written, err
		}
	}
	return written, nil
}

// cutAnswer resets the connection in the middle of the answer's body, or instead of
// an answer without a body.
type cutAnswer struct {
	http.ResponseWriter
	head bool
	left int // bytes of the body until the reset
	cut  bool
}

// FlushError flushes. The proxy calls it after each Write.
func (a *cutAnswer) FlushError() error {
	if a.cut {
		return http.ErrHijacked
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

func (a *cutAnswer) WriteHeader(code int) {
	length, err := strconv.Atoi(a.Header().Get("Content-Length"))
	if a.head || err == nil && length == 0 || code == http.StatusNoContent || code == http.StatusNotModified {
		a.cut = true
		resetConnection(a.ResponseWriter)
		return
	}
	a.left = max(1, length/2)
	a.ResponseWriter.WriteHeader(code)
}

func (a *cutAnswer) Write(p []byte) (int, error) {
	if a.cut {
		return 0, http.ErrHijacked
	}
	n, err := a.ResponseWriter.Write(p[:min(len(p), a.left)])
	if a.left -= n; err != nil || a.left > 0 {
		return n, err
	}
	a.cut = true
	resetConnection(a.ResponseWriter)
	return n, http.ErrHijacked
}

// resetConnection ends a connection with RST, unlike a normal end of TLS or TCP.
func resetConnection(w http.ResponseWriter) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // This closes it too, but more politely.
	}
	_ = buffered.Flush()
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if plain, ok := conn.(*net.TCPConn); ok {
		_ = plain.SetLinger(0)
	}
	_ = conn.Close()
}
