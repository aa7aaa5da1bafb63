// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// defaultCertificateDuration of spec.certificate.duration.
const defaultCertificateDuration = 2160 * time.Hour

// CertificateNames are the names in both certificates of a cluster with a repo
// host. pgBackRest lets a peer in by the common name, and dials the others.
func CertificateNames(cluster cpo.Postgresql) (commonName string, dnsNames []string) {
	names := []string{
		"*." + ClusterPodsServiceName(cluster.Name) + "." + cluster.Namespace + ".svc",
		PrimaryServiceName(cluster.Name) + "." + cluster.Namespace + ".svc",
	}
	slices.Sort(names)
	return cluster.Name, names
}

var kindName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,62}$`)

// acceptsCertificate checks spec.certificate of the Stanza.
func (t *translation) acceptsCertificate() bool {
	ok := true
	refuse := func(field, message string) {
		t.stanzaProblem("spec.certificate."+field, vocab.ReasonInvalidCertificate, "%s", message)
		ok = false
	}
	spec := t.in.Stanza.Certificate
	notAName := func(name string) bool { return len(validation.IsDNS1123Subdomain(name)) > 0 }
	if issuer := spec.IssuerRef; issuer != nil {
		if notAName(issuer.Name) {
			refuse("issuerRef.name", "is not the name of an issuer: lower-case letters, digits, - and . only")
		}
		if issuer.Kind != "" && !kindName.MatchString(issuer.Kind) {
			refuse("issuerRef.kind", "is not a kind, such as Issuer or ClusterIssuer")
		}
		if issuer.Group != "" && notAName(issuer.Group) {
			refuse("issuerRef.group", "is not an API group, such as cert-manager.io")
		}
	}
	switch d := t.certificateDuration(); {
	case d < time.Minute:
		refuse("duration", "must be at least a minute, such as 2160h")
	case spec.IssuerRef != nil && d < time.Hour:
		refuse("duration", "must be at least an hour for cert-manager, such as 2160h")
	}
	return ok
}

func (t *translation) certificateDuration() time.Duration {
	if d := t.in.Stanza.Certificate.Duration; d != nil {
		return d.Duration
	}
	return defaultCertificateDuration
}

// IssuedSecretName is the Secret that cert-manager makes of a certificate, and
// the name of the Certificate: end is client, for the PostgreSQL pods, or
// repo-host.
func IssuedSecretName(cluster, end string) string {
	return shortName("", cluster, "-pgbackrest-"+end+"-tls", maxLabel)
}

// Ends of a connection.
const (
	EndClient   = "client"
	EndRepoHost = "repo-host"
)

// certificates that cert-manager is asked for, none without an issuer. A new
// one has a new key.
func (t *translation) certificates() []map[string]any {
	issuer := t.in.Stanza.Certificate.IssuerRef
	if issuer == nil {
		return nil
	}
	duration := t.certificateDuration()
	commonName, dnsNames := CertificateNames(t.in.Cluster)
	names := make([]any, len(dnsNames))
	for i, name := range dnsNames {
		names[i] = name
	}
	var certificates []map[string]any
	for _, end := range []string{EndClient, EndRepoHost} {
		name := IssuedSecretName(t.in.Cluster.Name, end)
		labels := map[string]any{}
		for key, value := range clusterLabels(t.in.Cluster.Name) {
			labels[key] = value
		}
		certificates = append(certificates, map[string]any{
			"apiVersion": "cert-manager.io/v1",
			"kind":       "Certificate",
			"metadata":   map[string]any{"name": name, "namespace": t.in.Cluster.Namespace, "labels": labels},
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
