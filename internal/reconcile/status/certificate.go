// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// certificate is the certificate in use. A failed pass leaves it in use.
func certificate(before *stanzaflowv1alpha1.CertificateStatus, p Pass, runs []outcome.Run) *stanzaflowv1alpha1.CertificateStatus {
	switch {
	case p.Provisioner == vocab.ProvisionedByCPO:
		return certificateOfCPO(before, p, runs)
	case p.Done.Certificate != nil:
		return p.Done.Certificate
	case len(object.With(p.Actions, object.Issue, object.Renew)) == 0, slices.ContainsFunc(p.Done.Refused, isSecret):
		return nil
	}
	return before
}

func isSecret(o *unstructured.Unstructured) bool { return o.GroupVersionKind() == object.Secret }

// certificateOfCPO is the certificate that the newest run has seen. Runs that have
// seen none leave what is known: a network may be closed to them.
func certificateOfCPO(before *stanzaflowv1alpha1.CertificateStatus, p Pass, runs []outcome.Run) *stanzaflowv1alpha1.CertificateStatus {
	if !usesRepoHost(p) {
		return nil
	}
	var newest *outcome.Run
	for i, run := range runs {
		if run.CertificateEnd != nil && run.Status.FinishTime != nil && (newest == nil || newest.Status.FinishTime.Before(run.Status.FinishTime)) {
			newest = &runs[i]
		}
	}
	if newest == nil {
		return before
	}
	return &stanzaflowv1alpha1.CertificateStatus{NotAfter: *newest.CertificateEnd}
}

// usesRepoHost reports whether a cluster has a repo on a volume. While nothing is
// planned it may have one.
func usesRepoHost(p Pass) bool {
	for _, repo := range p.Plan.Repos {
		if repo.Storage == cpo.StoragePVC {
			return true
		}
	}
	return len(p.Plan.Repos) == 0
}

// findCertificate warns of a certificate that nobody renews. The second result is
// true when it has expired.
func findCertificate(p Pass, certificate *stanzaflowv1alpha1.CertificateStatus) (warning []Finding, expired bool) {
	if p.Provisioner != vocab.ProvisionedByCPO || certificate == nil || p.Now.Before(certificate.NotAfter.Add(-cpo.CertificateWarning)) {
		return nil, false
	}
	expired = !p.Now.Before(certificate.NotAfter.Time)
	verb := "expires"
	if expired {
		verb = "expired"
	}
	key := p.State.Key
	return []Finding{{vocab.ReasonCertificateExpires, fmt.Sprintf(
		"the certificate of the repo host %s on %s, and CPO does not renew it, so that archiving and backups stop; delete Secret %s in namespace %s while CPO runs, and when CPO has made it again, restart the pods of the cluster and its repo host",
		verb, certificate.NotAfter.UTC().Format(time.DateOnly), cpo.CertSecretName(key.Name), key.Namespace)}}, expired
}

// certificateWake is when the next of these warnings is due, zero if none is.
func certificateWake(certificate *stanzaflowv1alpha1.CertificateStatus, now time.Time) time.Time {
	if certificate == nil || certificate.RenewalTime != nil {
		return time.Time{}
	}
	for _, at := range []time.Time{certificate.NotAfter.Add(-cpo.CertificateWarning), certificate.NotAfter.Time} {
		if at.After(now) {
			return at
		}
	}
	return time.Time{}
}
