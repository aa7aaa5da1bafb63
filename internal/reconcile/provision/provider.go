// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"io"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
)

// Provider provides the configuration of all clusters. It remembers what it
// wrote into Secrets for as long as the process lives.
type Provider struct {
	// namespace of the operator, where it keeps the certificates that it issues.
	namespace string
	// random is the source of serial numbers.
	random  io.Reader
	secrets secretMemory
}

// New returns a Provider that keeps what it issues in the operator's own
// namespace, and takes serial numbers from random.
func New(namespace string, random io.Reader) *Provider {
	return &Provider{namespace: namespace, random: random}
}

// Acts returns how one pass carries out the verbs of this room. Issued is what
// Observe returned.
func (p *Provider) Acts(issued *Issued, now time.Time) map[object.Verb]object.Act {
	a := &application{Provider: p, issued: issued, now: now}
	return map[object.Verb]object.Act{
		object.Issue: a.issue,
		object.Renew: a.issue,
		object.WriteSecret: func(ctx context.Context, w *object.Writer, action object.Action) {
			a.ensureSecret(ctx, w, secretTask{want: action.Want})
		},
		object.EnsureSecret: func(ctx context.Context, w *object.Writer, action object.Action) {
			a.ensureSecret(ctx, w, secretTask{want: action.Want, createOnly: true})
		},
		object.Grow: grow,
	}
}

// application is the part of one pass that this room carries out.
type application struct {
	*Provider
	issued *Issued
	now    time.Time
}
