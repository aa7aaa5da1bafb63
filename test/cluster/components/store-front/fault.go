// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kinds of faults.
const (
	pass    = "pass"    // nothing is broken
	status  = "status"  // an answer with Code and Error, as S3 answers; the store never sees the request
	delay   = "delay"   // the request reaches the store after Delay
	slow    = "slow"    // both bodies pass with Rate bytes per second
	hang    = "hang"    // the request is accepted and never answered
	reset   = "reset"   // RST in the middle of the request's body or, without one, of the answer
	expired = "expired" // connections get the expired certificate
)

// fault says what to do with which requests.
type fault struct {
	Kind  string `json:"kind"`
	Code  int    `json:"code,omitempty"`
	Error string `json:"error,omitempty"`
	Delay string `json:"delay,omitempty"` // in Go's syntax, 1m30s
	Rate  int    `json:"rate,omitempty"`

	Method string `json:"method,omitempty"` // only requests with this method
	Path   string `json:"path,omitempty"`   // only requests whose path begins with this
	Every  int    `json:"every,omitempty"`  // only every n-th of these
	Next   int    `json:"next,omitempty"`   // at most this many; then all pass

	delay time.Duration
}

// errorCodes are S3's errors for a status, unless a test sets another.
var errorCodes = map[int]string{
	http.StatusForbidden:           "AccessDenied",
	http.StatusNotFound:            "NoSuchKey",
	http.StatusInternalServerError: "InternalError",
	http.StatusServiceUnavailable:  "SlowDown",
}

// complete fills in defaults, or returns an error that says what is missing.
func (f fault) complete() (fault, error) {
	if f.Every < 0 || f.Next < 0 {
		return f, errors.New("every and next must not be negative")
	}
	switch f.Kind {
	case pass, hang, reset:
	case status:
		if f.Code < 400 || f.Code > 599 {
			return f, fmt.Errorf("status needs a code from 400 to 599, not %d", f.Code)
		}
		if f.Error == "" {
			f.Error = errorCodes[f.Code]
		}
		if f.Error == "" {
			return f, fmt.Errorf("status %d needs the error that S3 names in the answer", f.Code)
		}
	case delay:
		var err error
		if f.delay, err = time.ParseDuration(f.Delay); err != nil || f.delay <= 0 {
			return f, fmt.Errorf("delay needs a delay like 2s, not %q", f.Delay)
		}
	case slow:
		if f.Rate <= 0 {
			return f, errors.New("slow needs a rate in bytes per second")
		}
	case expired:
		if f.Method != "" || f.Path != "" {
			return f, errors.New("expired takes no method or path: the certificate is sent before they are known")
		}
	default:
		return f, fmt.Errorf("unknown fault %q, want one of %s", f.Kind, strings.Join([]string{pass, status, delay, slow, hang, reset, expired}, ", "))
	}
	return f, nil
}

// concerns reports whether the fault applies to a request.
func (f fault) concerns(r *http.Request) bool {
	return f.Kind != pass && (f.Method == "" || f.Method == r.Method) && strings.HasPrefix(r.URL.Path, f.Path)
}

// tally counts what a fault has done.
type tally struct {
	Fault     fault `json:"fault"`
	Requests  int   `json:"requests"`  // requests since the fault was set
	Concerned int   `json:"concerned"` // requests that it applies to; connections for expired
	Hits      int   `json:"hits"`      // requests that it broke
}

// next counts a request that the fault applies to, and reports whether to break it.
func (t *tally) next() bool {
	t.Concerned++
	if t.Fault.Every > 1 && t.Concerned%t.Fault.Every != 0 || t.Fault.Next > 0 && t.Hits == t.Fault.Next {
		return false
	}
	t.Hits++
	return true
}
