// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/certificate"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
)

const day = 24 * time.Hour

func TestCertificateDuration(t *testing.T) {
	t.Parallel()
	was, _, err := certificate.Renew(certificate.State{}, certificate.Names{CommonName: "shop"}, 10*day, reconciletest.Noon, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(duration time.Duration) func(*object.State) {
		return func(s *object.State) { s.Stanza.Spec.Certificate.Duration = &metav1.Duration{Duration: duration} }
	}
	noStanza := func(s *object.State) { s.Stanza = nil }
	known := &Issued{state: was}
	for name, tc := range map[string]struct {
		issued *Issued
		change func(*object.State)
		want   time.Duration
	}{
		"nothing said":                    {nil, func(*object.State) {}, 90 * day},
		"nothing said, other lives known": {known, func(*object.State) {}, 90 * day},
		"said":                            {known, set(30 * day), 30 * day},
		"nonsense":                        {nil, set(-day), 90 * day},
		"nonsense, and lives known":       {known, set(-day), 10 * day},
		"a problem beside it, and lives known": {known, func(s *object.State) {
			set(30 * day)(s)
			s.Stanza.Spec.Certificate.IssuerRef = &stanzaflowv1alpha1.IssuerReference{Name: "No Name"}
		}, 10 * day},
		"no stanza":                  {nil, noStanza, 90 * day},
		"no stanza, and lives known": {known, noStanza, 10 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := reconciletest.StateOf(t, reconciletest.Hosted(t, "db"))
			tc.change(&state)
			issue := object.With(Diff(state, reconciletest.Planned(t, state), tc.issued), object.Issue)
			if len(issue) != 1 || issue[0].Valid != tc.want {
				t.Errorf("got %v, want %v", issue, tc.want)
			}
		})
	}
}

// TestNoContentInErrors: the API server quotes request bodies that it cannot read.
func TestNoContentInErrors(t *testing.T) {
	t.Parallel()
	const content = "MIGHAgEAMBMGByqGSM49"
	for _, err := range []error{
		apierrors.NewBadRequest(content),
		apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "a", nil),
		apierrors.NewInternalError(errors.New(content)),
	} {
		got := withoutContent(err)
		if strings.Contains(object.Plain(got), content) || strings.Contains(got.Error(), content) || !strings.Contains(object.Plain(got), "reason") {
			t.Errorf("%v became %v", err, got)
		}
		if apierrors.ReasonForError(got) != apierrors.ReasonForError(err) {
			t.Errorf("the reason of %v became that of %v", err, got)
		}
	}
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "a", errors.New("no rights"))
	if got := withoutContent(forbidden); !strings.Contains(object.Plain(got), "no rights") {
		t.Errorf("%v does not say what is wrong", got)
	}
}

// TestRefusedByOthers: the policy of somebody else says nothing about whose a Secret is, and
// the error names it, and quotes nothing that it says.
func TestRefusedByOthers(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		`ValidatingAdmissionPolicy 'company' with binding 'company' denied request: MIGHAg`:  "ValidatingAdmissionPolicy 'company' refused it",
		`admission webhook "company.example.com" denied the request: MIGHAg`:                 `admission webhook "company.example.com" refused it`,
		`ValidatingAdmissionPolicy 'stanzaflow-secrets' with binding 'x' denied request: no`: "",
		`the server rejected our request due to an error in our request`:                     "",
	} {
		err := &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonInvalid, Code: 422, Message: message}}
		if got := refusedByOthers(err); got != (want != "") {
			t.Errorf("%s: refused by others: %v", message, got)
		}
		got := withoutContent(err).Error()
		if !strings.Contains(got, want) || strings.Contains(got, "MIGHAg") {
			t.Errorf("%s became %q", message, got)
		}
	}
}
