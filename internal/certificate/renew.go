// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"time"
)

// MinDuration is the shortest life of a leaf. It is for tests: a Secret takes up
// to two minutes to reach the pods, so in production use at least an hour.
const MinDuration = time.Minute

// authorityLives is how many times as long as a leaf an authority lives. It signs
// during two of them at most; the rest is for an operator that did not run.
const authorityLives = 4

// Renew returns the State as it should be now, and when to call Renew again.
// Before that time it changes nothing, unless the names or the duration have
// changed or part of the State was lost.
func Renew(s State, names Names, duration time.Duration, now time.Time, random io.Reader) (State, time.Time, error) {
	if duration < MinDuration {
		return s, time.Time{}, fmt.Errorf("a certificate of less than %v cannot be renewed in time", MinDuration)
	}
	r := renewal{State: s, names: names, issuer: issuer{duration: duration, now: now.UTC().Truncate(time.Second), random: random}}
	if !r.due() {
		return s, r.dueAt(), nil
	}
	if err := r.authorities(); err != nil {
		return s, time.Time{}, err
	}
	if err := r.leafs(); err != nil {
		return s, time.Time{}, err
	}
	return r.State, r.dueAt(), nil
}

// renewal is one call of Renew.
type renewal struct {
	State
	issuer
	names Names
}

// due reports whether the leafs are due for renewal, or are not what they should be.
func (r *renewal) due() bool {
	return !r.usable(r.Current) || !r.intact(r.Client) || !r.intact(r.RepoHost) || !r.named() || !r.now.Before(r.dueAt())
}

// dueAt is when a third of the life of the first leaf is left. A shorter duration
// counts at once, a longer one with the next leafs. It is a full second, like all
// times in certificates and in a status.
func (r *renewal) dueAt() time.Time {
	var first time.Time
	for _, leaf := range []*Pair{r.Client, r.RepoHost} {
		if leaf == nil {
			continue
		}
		lives := min(life(leaf.Certificate), r.duration)
		if at := leaf.Certificate.NotBefore.Add(lives / 3 * 2).Truncate(time.Second); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// usable reports whether an authority can sign.
func (r *renewal) usable(authority *Pair) bool {
	return authority != nil && authority.Key != nil && authority.Certificate.IsCA && r.inTime(authority.Certificate)
}

// intact reports whether a peer with our bundle accepts a leaf, apart from its
// dates.
func (r *renewal) intact(leaf *Pair) bool {
	if leaf == nil || leaf.Key == nil {
		return false
	}
	return slices.ContainsFunc(r.trusted(), func(authority *x509.Certificate) bool {
		return bytes.Equal(leaf.Certificate.RawIssuer, authority.RawSubject) && leaf.Certificate.CheckSignatureFrom(authority) == nil
	})
}

func (r *renewal) named() bool {
	want := slices.Sorted(slices.Values(r.names.DNSNames))
	for _, leaf := range []*Pair{r.Client, r.RepoHost} {
		if leaf.Certificate.Subject.CommonName != r.names.CommonName || !slices.Equal(slices.Sorted(slices.Values(leaf.Certificate.DNSNames)), want) {
			return false
		}
	}
	return true
}

func (r *renewal) inTime(certificate *x509.Certificate) bool {
	return !r.now.Before(certificate.NotBefore) && r.now.Before(certificate.NotAfter)
}

// authorities moves the authorities to the phase in which the next leafs are
// signed.
func (r *renewal) authorities() error {
	intact := r.intact(r.Client) && r.intact(r.RepoHost)
	switch {
	case !r.usable(r.Current):
		return r.succeed()
	case !intact:
		// Part of the State was lost, but the pods may still have all of it: keep
		// what they trust.
		return nil
	case !r.inTime(r.Client.Certificate) || !r.inTime(r.RepoHost.Certificate):
		// The operator did not run for too long. No pod accepts another, so there
		// is no reason to wait.
		if r.tired() {
			return r.succeed()
		}
		return nil
	case r.now.Before(r.dueAt()):
		// The names have changed. The pods need more time in this phase.
		return nil
	case r.usable(r.Next):
		return r.succeed()
	}
	r.Previous, r.Next = nil, nil
	if r.tired() {
		next, err := r.authority(r.names.CommonName)
		if err != nil {
			return err
		}
		r.Next = next
	}
	return nil
}

// tired reports whether the authority is as old as a leaf becomes, or would not
// outlive a new one.
func (r *renewal) tired() bool {
	authority := r.Current.Certificate
	return !r.now.Before(authority.NotBefore.Add(r.duration)) || authority.NotAfter.Before(r.now.Add(r.duration))
}

// succeed lets the next authority sign, or a new one if there is none. The one
// that signed before stays trusted.
func (r *renewal) succeed() error {
	next := r.Next
	if !r.usable(next) {
		var err error
		if next, err = r.authority(r.names.CommonName); err != nil {
			return err
		}
	}
	if r.Current != nil {
		r.Previous = &Pair{Certificate: r.Current.Certificate}
	}
	r.Current, r.Next = next, nil
	return nil
}

func (r *renewal) leafs() (err error) {
	if r.Client, err = r.leaf(r.Current, r.names); err != nil {
		return err
	}
	r.RepoHost, err = r.leaf(r.Current, r.names)
	return err
}
