// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// beside is a pass over a cluster of CPO with repos of these storages.
func beside(storages ...string) Pass {
	p := Pass{Provisioner: vocab.ProvisionedByCPO, Now: reconciletest.Noon}
	for _, s := range storages {
		p.Plan.Repos = append(p.Plan.Repos, storage.Repository{Storage: s})
	}
	return p
}

// saw is a run that has seen a certificate; an empty end is of one that has not.
func saw(finished, end string) outcome.Run {
	run := outcome.Run{Status: stanzaflowv1alpha1.RunStatus{FinishTime: new(metav1.NewTime(reconciletest.Moment(finished)))}}
	if end != "" {
		run.CertificateEnd = new(metav1.NewTime(reconciletest.Moment(end)))
	}
	return run
}

func TestCertificateOfCPO(t *testing.T) {
	t.Parallel()
	const first, second = "2027-03-01T00:00:00Z", "2028-03-01T00:00:00Z"
	known := &stanzaflowv1alpha1.CertificateStatus{NotAfter: metav1.NewTime(reconciletest.Moment(first))}
	for name, tc := range map[string]struct {
		pass   Pass
		before *stanzaflowv1alpha1.CertificateStatus
		runs   []outcome.Run
		// want is the end, empty if no certificate is known.
		want string
	}{
		"no run":                             {beside(cpo.StoragePVC), nil, nil, ""},
		"a run has seen it":                  {beside(cpo.StorageS3, cpo.StoragePVC), nil, []outcome.Run{saw("2026-11-22T02:00:00Z", first)}, first},
		"the newest run has seen another":    {beside(cpo.StoragePVC), known, []outcome.Run{saw("2026-11-22T03:00:00Z", second), saw("2026-11-22T02:00:00Z", first)}, second},
		"the newest run has not seen it":     {beside(cpo.StoragePVC), nil, []outcome.Run{saw("2026-11-22T03:00:00Z", ""), saw("2026-11-22T02:00:00Z", first)}, first},
		"the runs are deleted":               {beside(cpo.StoragePVC), known, nil, first},
		"nothing is planned for a while":     {beside(), known, nil, first},
		"the repo on a volume is gone":       {beside(cpo.StorageS3), known, []outcome.Run{saw("2026-11-22T02:00:00Z", first)}, ""},
		"CPO is gone, and ours has no claim": {Pass{}, known, []outcome.Run{saw("2026-11-22T02:00:00Z", first)}, ""},
	} {
		got := ""
		if c := certificate(tc.before, tc.pass, tc.runs); c != nil {
			got = c.NotAfter.UTC().Format(time.RFC3339)
			if c.RenewalTime != nil {
				t.Errorf("%s: somebody renews it", name)
			}
		}
		if got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

// TestCertificateExpires checks the warning, when it begins, and that it is no more
// than one until the certificate has expired.
func TestCertificateExpires(t *testing.T) {
	t.Parallel()
	end := reconciletest.Moment("2027-03-01T10:00:00Z")
	day := 24 * time.Hour
	for name, tc := range map[string]struct {
		now  time.Time
		want string
		wake time.Time
	}{
		"61 days before": {end.Add(-61 * day), "True/Programmed", end.Add(-60 * day)},
		"60 days before": {end.Add(-60 * day), "True/CertificateExpires", end},
		"a second left":  {end.Add(-time.Second), "True/CertificateExpires", end},
		"expired":        {end, "False/CertificateExpires", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := makePass(t, func(*Pass) {})
			p.Provisioner, p.Now = vocab.ProvisionedByCPO, tc.now
			status := stanzaflowv1alpha1.StanzaStatus{Certificate: &stanzaflowv1alpha1.CertificateStatus{NotAfter: metav1.NewTime(end)}}
			got := programmed(p, status)
			if have := string(got.Status) + "/" + got.Reason; have != tc.want {
				t.Errorf("got %s, want %s: %s", have, tc.want, got.Message)
			}
			if strings.HasSuffix(tc.want, "Expires") {
				for _, words := range []string{"2027-03-01", "CPO does not renew it", "delete Secret shop-pgbackrest-cert in namespace db while CPO runs", "restart the pods"} {
					if !strings.Contains(got.Message, words) {
						t.Errorf("message %q does not say %q", got.Message, words)
					}
				}
			}
			if wake := certificateWake(status.Certificate, tc.now); !wake.Equal(tc.wake) {
				t.Errorf("wake at %s, want %s", wake, tc.wake)
			}
		})
	}
	ours := makePass(t, func(*Pass) {})
	ours.Now = end
	renewed := &stanzaflowv1alpha1.CertificateStatus{NotAfter: metav1.NewTime(end), RenewalTime: new(metav1.NewTime(end.Add(-30 * day)))}
	if diff := cmp.Diff("Programmed", programmed(ours, stanzaflowv1alpha1.StanzaStatus{Certificate: renewed}).Reason); diff != "" || !certificateWake(renewed, end.Add(-90*day)).IsZero() {
		t.Errorf("a certificate that the operator renews is warned of: %s", diff)
	}
}
