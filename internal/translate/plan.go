// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"slices"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Input is everything that a Plan depends on.
type Input struct {
	// Cluster is the decoded postgresql resource.
	Cluster cpo.Postgresql
	// FieldErrors are what cpo.Decode could not read of it.
	FieldErrors []cpo.FieldError
	// Stanza is the spec of the Stanza of the same name, zero without one.
	Stanza stanzaflowv1alpha1.StanzaSpec
	// Known is status.repos of that Stanza: what earlier runs have proven of
	// each repo. What a repo cannot change any more is compared with it.
	Known []stanzaflowv1alpha1.RepoStatus
	// TemplateVersion is "<uid>.<generation>" of the WorkflowTemplate, empty
	// while it is not known.
	TemplateVersion string
}

// Plan is what should exist for one cluster.
type Plan struct {
	// ConfigMap is the pgBackRest configuration of the PostgreSQL pods, nil
	// when there should be none.
	ConfigMap *corev1.ConfigMap
	// Credential is the Secret, of ours, with the keys that stand in the
	// resource itself. Nil where none does, as it should be.
	Credential *corev1.Secret
	// RepoHost serves the repos with storage pvc, nil without such a repo.
	RepoHost *RepoHost
	// Repos that are configured, in the order of their names.
	Repos []Repository
	// CronWorkflows, sorted by name.
	CronWorkflows []wfv1.CronWorkflow
	// Problems are the mistakes in the input, sorted by field.
	Problems []Problem
	// Keep says which existing objects stay untouched although the Plan does
	// not hold them or, of the configuration, holds another form.
	Keep Keep
}

// Configuration lists the objects other than CronWorkflows, as pointers or
// maps, in the order in which they are applied: what others refer to first, and
// last what makes PostgreSQL use all of it.
func (p Plan) Configuration() []any {
	var objects []any
	host := p.RepoHost
	if host != nil {
		for i := range host.Services {
			objects = append(objects, &host.Services[i])
		}
		for i := range host.Claims {
			objects = append(objects, &host.Claims[i])
		}
		for _, certificate := range host.Certificates {
			objects = append(objects, certificate)
		}
	}
	if p.Credential != nil {
		objects = append(objects, p.Credential)
	}
	if host != nil {
		objects = append(objects, &host.ConfigMap, &host.StatefulSet)
	}
	if p.ConfigMap != nil {
		objects = append(objects, p.ConfigMap)
	}
	return objects
}

// RepoHost is the host of the repositories on volumes: pgBackRest with a volume
// for each, reached over TLS.
type RepoHost struct {
	// Services: names in DNS for the pods of the cluster, and one that leads to
	// the current primary.
	Services []corev1.Service
	// Claims, one for each repo. They hold the backups: nothing of ours ever
	// deletes one.
	Claims []corev1.PersistentVolumeClaim
	// ConfigMap is the pgBackRest configuration of the repo host.
	ConfigMap corev1.ConfigMap
	// Certificates of cert-manager, in their JSON form, where the Stanza names
	// an issuer. Without one the operator issues the certificates itself.
	Certificates []map[string]any
	StatefulSet  appsv1.StatefulSet
	// CommonName and DNSNames of both certificates.
	CommonName string
	DNSNames   []string
}

// Repository is a repo as the resource asks for it.
type Repository struct {
	// Name is repo1 to repo4.
	Name string
	// Storage is pvc, s3, azure or gcs.
	Storage string
	// Location is the place of the backups in one line:
	// s3://bucket/path, azure://container/path, gcs://bucket/path,
	// pvc://claim.
	Location string
	// Cipher is none or aes-256-cbc.
	Cipher string
	// Claim is the name of the PersistentVolumeClaim of storage pvc.
	Claim string
}

// Keep names what a Problem must not take away. It never stands against a
// CronWorkflow of the same Plan: what is planned is good, and applied. Nor does
// it stand against spec.suspend of the Stanza, which is meant for every schedule.
type Keep struct {
	// Configuration: the ConfigMaps, the Secret of ours, the claims and the
	// repo host stay as they are. Those in the Plan are for a cluster that has
	// none yet.
	Configuration bool
	// CronWorkflows by name: the last good one stays as it is.
	CronWorkflows []string
	// Everything: part of the input could not be tied to a name, so no
	// CronWorkflow may be removed.
	Everything bool
}

// CronWorkflow reports whether an existing CronWorkflow of that name, which
// the Plan does not hold, stays.
func (k Keep) CronWorkflow(name string) bool {
	return k.Everything || slices.Contains(k.CronWorkflows, name)
}

// Problem is a mistake in a resource of the user.
type Problem struct {
	// Kind of the object: postgresql or Stanza.
	Kind string
	// Field is the path in that object.
	Field string
	// Reason is one of the vocab.Reason constants.
	Reason string
	// Message is one sentence without a full stop: what is wrong, what to do.
	// It never holds a value that may be a credential.
	Message string
}

func sortProblems(problems []Problem) {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			// postgresql before Stanza: it is the one people edit.
			-cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Message, b.Message),
		)
	})
}
