// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// DefaultCertificateDuration applies if spec.certificate.duration is not set.
const DefaultCertificateDuration = 2160 * time.Hour

// CertificateNames returns the names in both certificates of a cluster with a repo
// host. pgBackRest authorises a peer by the common name, and dials the DNS names.
func CertificateNames(cluster cpo.Postgresql) (commonName string, dnsNames []string) {
	names := []string{
		"*." + manifest.ClusterPodsServiceName(cluster.Name) + "." + cluster.Namespace + ".svc",
		manifest.PrimaryServiceName(cluster.Name) + "." + cluster.Namespace + ".svc",
	}
	slices.Sort(names)
	return cluster.Name, names
}

var kindName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,62}$`)

// CheckCertificate finds the Problems of spec.certificate of the Stanza.
func CheckCertificate(spec stanzaflowv1alpha1.CertificateSpec) problem.List {
	var problems problem.List
	refuse := func(field, message string) {
		problems.AddStanza("spec.certificate."+field, vocab.ReasonInvalidCertificate, "%s", message)
	}
	notAName := func(name string) bool { return len(validation.IsDNS1123Subdomain(name)) > 0 }
	if issuer := spec.IssuerRef; issuer != nil {
		if notAName(issuer.Name) {
			refuse("issuerRef.name", "is not a valid name of an issuer; use only lower-case letters, digits, dashes and dots")
		}
		if issuer.Kind != "" && !kindName.MatchString(issuer.Kind) {
			refuse("issuerRef.kind", "must be a kind such as Issuer or ClusterIssuer")
		}
		if issuer.Group != "" && notAName(issuer.Group) {
			refuse("issuerRef.group", "must be an API group such as cert-manager.io")
		}
	}
	switch d := certificateDuration(spec); {
	case d < time.Minute:
		refuse("duration", "must be at least a minute, such as 2160h")
	case spec.IssuerRef != nil && d < time.Hour:
		refuse("duration", "must be at least an hour for cert-manager, such as 2160h")
	}
	return problems
}

func certificateDuration(spec stanzaflowv1alpha1.CertificateSpec) time.Duration {
	if spec.Duration != nil {
		return spec.Duration.Duration
	}
	return DefaultCertificateDuration
}

// certificates returns the Certificates for cert-manager, none without an issuer.
// Each renewal makes a new key.
func certificates(cluster cpo.Postgresql, spec stanzaflowv1alpha1.CertificateSpec) []map[string]any {
	issuer := spec.IssuerRef
	if issuer == nil {
		return nil
	}
	duration := certificateDuration(spec)
	commonName, dnsNames := CertificateNames(cluster)
	names := make([]any, len(dnsNames))
	for i, name := range dnsNames {
		names[i] = name
	}
	var certificates []map[string]any
	for _, end := range []string{manifest.EndClient, manifest.EndRepoHost} {
		name := manifest.IssuedSecretName(cluster.Name, end)
		labels := map[string]any{}
		for key, value := range manifest.Labels(cluster.Name) {
			labels[key] = value
		}
		certificates = append(certificates, map[string]any{
			"apiVersion": "cert-manager.io/v1",
			"kind":       "Certificate",
			"metadata":   map[string]any{"name": name, "namespace": cluster.Namespace, "labels": labels},
			"spec": map[string]any{
				"secretName":  name,
				"commonName":  commonName,
				"dnsNames":    names,
				"usages":      []any{"digital signature", "key encipherment", "server auth", "client auth"},
				"privateKey":  map[string]any{"algorithm": "ECDSA", "size": int64(256), "rotationPolicy": "Always"},
				"duration":    metav1.Duration{Duration: duration}.Duration.String(),
				"renewBefore": (duration / 3).String(),
				"issuerRef": map[string]any{
					"name": issuer.Name, "kind": cmp.Or(issuer.Kind, "Issuer"), "group": cmp.Or(issuer.Group, "cert-manager.io"),
				},
			},
		})
	}
	return certificates
}
