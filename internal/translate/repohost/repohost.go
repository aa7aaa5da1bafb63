// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/manifest"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

// Input is everything that a repo host depends on.
type Input struct {
	Cluster     cpo.Postgresql
	Certificate stanzaflowv1alpha1.CertificateSpec
	// Repos are all repos that are planned, in the order of their names. At least
	// one is on a volume.
	Repos []storage.Repo
	// Global holds the options of spec.global that may be written.
	Global map[string]string
	// Secrets are the names of the Secrets with further configuration files.
	Secrets []string
}

// Host is the host of the repos on volumes: pgBackRest with a volume for each,
// reached over TLS.
type Host struct {
	// Services give the pods of the cluster names in DNS. The second leads to the
	// current primary.
	Services []corev1.Service
	// Claims hold the backups, one for each repo. We never delete one.
	Claims []corev1.PersistentVolumeClaim
	// ConfigMap is the pgBackRest configuration of the repo host.
	ConfigMap corev1.ConfigMap
	// Certificates are those of cert-manager, in their JSON form, if the Stanza
	// names an issuer. Otherwise the operator issues the certificates itself.
	Certificates []map[string]any
	// StatefulSet runs the server.
	StatefulSet appsv1.StatefulSet
}

// Plan returns the repo host of a cluster.
func Plan(in Input) *Host {
	hosted := storage.OnRepoHost(in.Repos)
	host := &Host{
		Services:     services(in.Cluster),
		Claims:       make([]corev1.PersistentVolumeClaim, 0, len(hosted)),
		ConfigMap:    manifest.ConfigMap(in.Cluster, cpo.RepoHostConfigMapName(in.Cluster.Name), files(in, hosted)),
		Certificates: certificates(in.Cluster, in.Certificate),
		StatefulSet:  statefulSet(in, hosted),
	}
	for _, r := range hosted {
		host.Claims = append(host.Claims, claim(in.Cluster, r))
	}
	return host
}
