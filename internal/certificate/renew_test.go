// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

var (
	start = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	shop  = Names{CommonName: "shop", DNSNames: []string{"*.shop-clusterpods.db.svc", "shop-pgbackrest-primary.db.svc"}}
	// The names by which the pods are reached.
	hosts = []string{"shop-pgbackrest-repo-host-0.shop-clusterpods.db.svc", "shop-pgbackrest-primary.db.svc"}
)

const month = 30 * 24 * time.Hour

func renew(t *testing.T, s State, duration time.Duration, now time.Time) (State, time.Time) {
	t.Helper()
	after, next, err := Renew(s, shop, duration, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if !next.After(now) {
		t.Fatalf("at %v the next renewal is at %v", now, next)
	}
	return after, next
}

// accepts returns why a pod with the Secret trusted does not accept a peer with a
// leaf of the Secret shown, as a client and as a server.
func accepts(trusted, shown map[string][]byte, now time.Time) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(trusted[cpo.FileCARoots]) {
		return errors.New("no roots")
	}
	for _, files := range [][2]string{{cpo.FileClientCert, cpo.FileClientKey}, {cpo.FileRepoHostCert, cpo.FileRepoHostKey}} {
		pair, err := tls.X509KeyPair(shown[files[0]], shown[files[1]])
		if err != nil {
			return fmt.Errorf("%s: %w", files[0], err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			return err
		}
		if leaf.Subject.CommonName != shop.CommonName || leaf.IsCA {
			return fmt.Errorf("%s is of %s", files[0], leaf.Subject)
		}
		for _, host := range hosts {
			for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
				if _, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
					return fmt.Errorf("%s: %w", files[0], err)
				}
			}
		}
	}
	return nil
}

func secret(t *testing.T, s State) map[string][]byte {
	t.Helper()
	data, err := s.Secret()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkNested checks that no certificate outlives the one that signed it.
func checkNested(t *testing.T, s State) {
	t.Helper()
	for _, leaf := range []*Pair{s.Client, s.RepoHost} {
		for _, authority := range s.trusted() {
			if leaf.Certificate.CheckSignatureFrom(authority) == nil && leaf.Certificate.NotAfter.After(authority.NotAfter) {
				t.Errorf("a leaf until %v of an authority until %v", leaf.Certificate.NotAfter, authority.NotAfter)
			}
		}
	}
}

// TestPodsAcceptEachOther checks that pods with either of the last two Secrets accept
// each other, at every moment of a long life with an operator that is late, does not
// run, or is asked for other durations. The exception is an operator that did not run
// until a certificate expired.
func TestPodsAcceptEachOther(t *testing.T) {
	t.Parallel()
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := mathrand.New(mathrand.NewPCG(seed, 1))
			duration := []time.Duration{10 * time.Minute, time.Hour, month, 3 * month}[random.IntN(4)]
			now := start
			state, next := renew(t, State{}, duration, now)
			last := secret(t, state)
			before, authorities := last, map[string]bool{}
			for range 60 {
				// Mostly in time, sometimes late, sometimes much too late.
				var pause time.Duration
				switch random.IntN(10) {
				case 0:
					pause = time.Duration(random.Int64N(int64(12 * duration)))
				case 1, 2, 3:
					pause = next.Sub(now) + time.Duration(random.Int64N(int64(duration/4)))
				case 4:
					pause = time.Duration(random.Int64N(int64(duration)))
				default:
					pause = next.Sub(now)
				}
				if random.IntN(20) == 0 {
					duration = []time.Duration{10 * time.Minute, time.Hour, month, 3 * month}[random.IntN(4)]
				}
				now = now.Add(max(pause, 0))
				late := !now.Before(state.NotAfter())
				state, next = renew(t, state, duration, now)
				data := secret(t, state)
				checkNested(t, state)
				if !maps.EqualFunc(data, last, bytes.Equal) {
					before, last = last, data
					authorities[string(state.Current.Certificate.Raw)] = true
				}
				for _, moment := range []time.Time{now, next.Add(-time.Second)} {
					if err := accepts(last, last, moment); err != nil {
						t.Fatalf("the last Secret at %v: %v", moment, err)
					}
					if late {
						continue
					}
					// The Secret before it needs its time as well.
					old, err := x509.ParseCertificate(onlyBlock(before[cpo.FileClientCert], blockCertificate))
					if err != nil {
						t.Fatal(err)
					}
					if !moment.Before(old.NotAfter) {
						continue
					}
					if err := errors.Join(accepts(last, before, moment), accepts(before, last, moment)); err != nil {
						t.Fatalf("the last two Secrets at %v: %v", moment, err)
					}
				}
				// Decode returns what Encode has stored.
				encoded, err := state.Encode()
				if err != nil {
					t.Fatal(err)
				}
				if state, err = Decode(encoded); err != nil {
					t.Fatal(err)
				}
				if again, err := state.Encode(); err != nil || !maps.EqualFunc(encoded, again, bytes.Equal) {
					t.Fatalf("encoded twice is different: %v", err)
				}
			}
			if len(authorities) < 4 {
				t.Errorf("%d authorities in 60 steps", len(authorities))
			}
		})
	}
}

// TestPhases is the table in the documentation of the package.
func TestPhases(t *testing.T) {
	t.Parallel()
	now := start
	state, next := renew(t, State{}, month, now)
	old := state.Current.Certificate
	if at := now.Add(-maxSkew).Add(month / 3 * 2); !next.Equal(at) {
		t.Errorf("renewed at %v, want %v", next, at)
	}
	if life := old.NotAfter.Sub(old.NotBefore); life != 4*month {
		t.Errorf("an authority lives %v", life)
	}
	var got []string
	var authorities []*x509.Certificate
	name := func(pair *Pair) string {
		if pair == nil {
			return "-"
		}
		for i, known := range authorities {
			if known.Equal(pair.Certificate) {
				return fmt.Sprint(i)
			}
		}
		authorities = append(authorities, pair.Certificate)
		return fmt.Sprint(len(authorities) - 1)
	}
	for range 9 {
		signer := "?"
		for _, pair := range []*Pair{state.Current, state.Next, state.Previous} {
			if pair != nil && state.Client.Certificate.CheckSignatureFrom(pair.Certificate) == nil {
				signer = name(pair)
			}
		}
		got = append(got, name(state.Current)+name(state.Next)+name(state.Previous)+" by "+signer)
		// Unchanged until then.
		same, again := renew(t, state, month, next.Add(-time.Second))
		if !same.Equal(state) || !again.Equal(next) {
			t.Fatal("changed before its time")
		}
		state, next = renew(t, state, month, next)
	}
	want := []string{"0-- by 0", "0-- by 0", "01- by 0", "1-0 by 1", "12- by 1", "2-1 by 2", "23- by 2", "3-2 by 3", "34- by 3"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("phases are %q, want %q", got, want)
	}
}

// renewTwice returns a state that was renewed twice, and when the second time was.
func renewTwice(t *testing.T) (state State, second time.Time) {
	t.Helper()
	state, first := renew(t, State{}, month, start)
	state, second = renew(t, state, month, first)
	state, _ = renew(t, state, month, second)
	return state, second
}

// TestOutOfTurn checks that a leaf that is replaced early stays in its phase, because
// the pods need more time in it.
func TestOutOfTurn(t *testing.T) {
	t.Parallel()
	state, next := renewTwice(t)
	if state.Next == nil {
		t.Fatal("no next authority")
	}
	now := next.Add(time.Hour)
	other, _, err := Renew(state, Names{CommonName: "shop", DNSNames: append([]string{"more.db.svc"}, shop.DNSNames...)}, month, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if other.Client.Certificate.Equal(state.Client.Certificate) || other.Current != state.Current || other.Next != state.Next {
		t.Error("other names changed the authorities, or no leaf")
	}
	// Part of the State is lost: the pods still have it.
	for name, lose := range map[string]func(*State){
		"a leaf":            func(s *State) { s.RepoHost = nil },
		"the key of a leaf": func(s *State) { s.Client = &Pair{Certificate: s.Client.Certificate} },
	} {
		lost := state
		lose(&lost)
		healed, _ := renew(t, lost, month, now)
		if err := errors.Join(accepts(secret(t, healed), secret(t, state), now), accepts(secret(t, state), secret(t, healed), now)); err != nil {
			t.Errorf("without %s: %v", name, err)
		}
		if healed.Next != state.Next {
			t.Errorf("without %s the phase is another", name)
		}
	}
	// The order of the names does not matter.
	turned, _, err := Renew(state, Names{CommonName: "shop", DNSNames: []string{shop.DNSNames[1], shop.DNSNames[0]}}, month, now, rand.Reader)
	if err != nil || !turned.Equal(state) {
		t.Errorf("changed for another order of names: %v", err)
	}
}

// TestHeals checks that any remains of a State give good certificates at once, and
// that the authority that the pods know is still trusted.
func TestHeals(t *testing.T) {
	t.Parallel()
	first, next := renew(t, State{}, month, start)
	second, next := renew(t, first, month, next)
	third, _ := renew(t, second, month, next)
	for name, tc := range map[string]struct {
		state State
		now   time.Time
		// old is true if the previous authority stays in the bundle.
		old bool
	}{
		"nothing":                               {State{}, start, false},
		"the leafs have expired":                {first, start.Add(2 * month), true},
		"the leafs have expired, next is there": {third, start.Add(3 * month), true},
		"the authority is almost over":          {first, start.Add(4*month - 3*time.Hour), true},
		"all has expired":                       {first, start.Add(9 * month), true},
		"all has expired, next is there":        {third, start.Add(20 * month), true},
		"the key of the authority is lost":      {State{Current: &Pair{Certificate: first.Current.Certificate}, Client: first.Client, RepoHost: first.RepoHost}, start, true},
		"the authority is lost":                 {State{Client: first.Client, RepoHost: first.RepoHost}, start, false},
		"the leafs are of somebody else":        {State{Current: first.Current, Client: second.Current, RepoHost: second.Current}, start, true},
		"the clock was ahead":                   {first, start.Add(-month), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			healed, next := renew(t, tc.state, month, tc.now)
			data := secret(t, healed)
			if err := accepts(data, data, tc.now); err != nil {
				t.Error(err)
			}
			if left := healed.NotAfter().Sub(tc.now); left < month-time.Hour {
				t.Errorf("good for %v", left)
			}
			if next.Sub(tc.now) < month/2 {
				t.Errorf("to be renewed after %v", next.Sub(tc.now))
			}
			if tc.old && !bytes.Contains(data[cpo.FileCARoots], encodeCertificate(tc.state.Current.Certificate)) {
				t.Error("the old authority is not trusted any more")
			}
		})
	}
}

func TestBackdated(t *testing.T) {
	t.Parallel()
	for duration, want := range map[time.Duration]time.Duration{time.Minute: 6 * time.Second, 10 * time.Minute: time.Minute, month: maxSkew} {
		state, _ := renew(t, State{}, duration, start)
		for _, pair := range []*Pair{state.Current, state.Client, state.RepoHost} {
			if got := start.Sub(pair.Certificate.NotBefore); got != want {
				t.Errorf("for %v backdated by %v, want %v", duration, got, want)
			}
		}
		if got := state.Client.Certificate.NotAfter.Sub(state.Client.Certificate.NotBefore); got != duration {
			t.Errorf("lives %v, want %v", got, duration)
		}
		if got := state.Duration(); got != duration {
			t.Errorf("duration is %v, want %v", got, duration)
		}
	}
}

func TestRenewFails(t *testing.T) {
	t.Parallel()
	good, next := renew(t, State{}, month, start)
	for name, tc := range map[string]struct {
		duration time.Duration
		random   io.Reader
	}{
		"no time to renew": {time.Second, rand.Reader},
		"no randomness":    {month, bytes.NewReader(nil)},
	} {
		got, _, err := Renew(good, shop, tc.duration, next, tc.random)
		if err == nil || !got.Equal(good) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	state, next := renewTwice(t)
	other, _ := renew(t, State{}, month, start)
	good, err := state.Encode()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(map[string][]byte)
		want   string
	}{
		"as it was":            {change: func(map[string][]byte) {}},
		"more":                 {change: func(d map[string][]byte) { d["note"] = []byte("x") }},
		"nothing":              {change: func(d map[string][]byte) { clear(d) }},
		"a broken certificate": {change: func(d map[string][]byte) { d[fileCurrentCert] = []byte("x") }, want: "cannot read ca.crt"},
		"a broken key":         {change: func(d map[string][]byte) { d[fileCurrentKey] = []byte("x") }, want: "cannot read ca.key"},
		"a key of another":     {change: func(d map[string][]byte) { d[fileNextKey] = foreign[fileCurrentKey] }, want: "cannot read next-ca.key"},
		"a key alone":          {change: func(d map[string][]byte) { delete(d, cpo.FileClientCert) }, want: "cannot read pgbackrest-client.crt"},
		"two in one": {change: func(d map[string][]byte) {
			d[fileCurrentCert] = append(bytes.Clone(d[fileCurrentCert]), foreign[fileCurrentCert]...)
		}, want: "cannot read ca.crt"},
		"several": {
			change: func(d map[string][]byte) { d[fileCurrentKey], d[cpo.FileRepoHostCert] = nil, nil },
			want:   "cannot read ca.key, pgbackrest-repo-host.crt",
		},
	} {
		data := maps.Clone(good)
		tc.change(data)
		got, err := Decode(data)
		if text := fmt.Sprint(err); err == nil && tc.want != "" || err != nil && text != tc.want {
			t.Errorf("%s: error is %v, want %q", name, err, tc.want)
		}
		// It can be renewed.
		healed, _ := renew(t, got, month, next)
		if err := accepts(secret(t, healed), secret(t, healed), next); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	state, _, err := Renew(State{}, shop, month, start, rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	data, err := state.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[fileCurrentCert], data[fileCurrentKey], data[cpo.FileClientCert], data[cpo.FileClientKey])
	f.Fuzz(func(t *testing.T, ca, caKey, leaf, leafKey []byte) {
		got, _ := Decode(map[string][]byte{
			fileCurrentCert: ca, fileCurrentKey: caKey, filePreviousCert: leaf, cpo.FileClientCert: leaf, cpo.FileClientKey: leafKey,
		})
		healed, _ := renew(t, got, month, start)
		if err := accepts(secret(t, healed), secret(t, healed), start); err != nil {
			t.Error(err)
		}
	})
}

// TestHandshake uses Go's own TLS at both ends, with a client certificate.
func TestHandshake(t *testing.T) {
	t.Parallel()
	state, _ := renew(t, State{}, month, start)
	data := secret(t, state)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data[cpo.FileCARoots])
	config := func(cert, key string) *tls.Config {
		pair, err := tls.X509KeyPair(data[cert], data[key])
		if err != nil {
			t.Fatal(err)
		}
		return &tls.Config{
			Certificates: []tls.Certificate{pair}, RootCAs: roots, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
			ServerName: hosts[0], Time: func() time.Time { return start }, MinVersion: tls.VersionTLS12,
		}
	}
	a, b := net.Pipe()
	server := tls.Server(a, config(cpo.FileRepoHostCert, cpo.FileRepoHostKey))
	client := tls.Client(b, config(cpo.FileClientCert, cpo.FileClientKey))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(ctx) }()
	if err := client.HandshakeContext(ctx); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
