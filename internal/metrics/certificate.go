// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

var (
	certificateExpiry = newGauge("stanzaflow_certificate_expiry_timestamp_seconds",
		"When the certificate expires with which the repo host and PostgreSQL authenticate each other. Then archiving to repos of storage pvc stops.")
	certificateRenewal = newGauge("stanzaflow_certificate_renewal_timestamp_seconds",
		"When that certificate must be replaced: by the operator, or by a person if CPO has made it, which never renews it.")
)

func certificate(s scrape) {
	is := s.Status.Certificate
	if is == nil {
		return
	}
	s.timestamp(certificateExpiry, &is.NotAfter)
	renewal := is.RenewalTime
	if renewal == nil {
		renewal = new(metav1.NewTime(is.NotAfter.Add(-cpo.CertificateWarning)))
	}
	s.timestamp(certificateRenewal, renewal)
}
