// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

// wanted is what the resource asks for.
type wanted struct {
	target translate.Target
	stanza stanzaflowv1alpha1.Stanza
	// primaryDigest and hostDigest are those of the configuration that the
	// operator has written for the primary and for the repo host, empty where
	// it keeps an older one.
	primaryDigest, hostDigest string
	// secret is configuration.secret.
	secret string
	// locations of the repos that are configured, by their names.
	locations map[string]string
}

// wanted reads the resource with the same code that the operator translates.
func (s *step) wanted(ctx context.Context) (wanted, error) {
	cluster, fieldErrors, err := s.Finder.Postgresql(ctx, s.Namespace, s.Cluster)
	if apierrors.IsNotFound(err) {
		return wanted{}, stop("there is no postgresql %s/%s", s.Namespace, s.Cluster)
	}
	if err != nil {
		return wanted{}, fmt.Errorf("cannot read postgresql %s/%s: %w", s.Namespace, s.Cluster, err)
	}
	if why := cluster.Operation.Held(); why != "" {
		return wanted{}, held("postgresql %s/%s cannot be backed up now, no backup is made: %s; the schedules go on by themselves when that is over", s.Namespace, s.Cluster, why)
	}
	stanza, err := s.Finder.Stanza(ctx, s.Namespace, s.Cluster)
	if err != nil {
		return wanted{}, fmt.Errorf("cannot read stanza %s/%s: %w", s.Namespace, s.Cluster, err)
	}
	target, err := translate.TargetFor(cluster, s.Repo)
	if err != nil {
		return wanted{}, stop("%v", err)
	}
	plan := translate.Translate(translate.Input{
		Cluster: cluster, FieldErrors: fieldErrors, Stanza: stanza.Spec, Known: stanza.Status.Repos,
	})
	w := wanted{target: target, stanza: stanza, secret: cluster.PgBackRest.Secret, locations: map[string]string{}}
	for _, r := range plan.Repos {
		w.locations[r.Name] = r.Location
	}
	if plan.Keep.Configuration {
		return w, nil
	}
	if plan.ConfigMap != nil {
		w.primaryDigest = digestOf(*plan.ConfigMap)
	}
	if plan.RepoHost != nil {
		w.hostDigest = digestOf(plan.RepoHost.ConfigMap)
	}
	return w, nil
}

func digestOf(configMap corev1.ConfigMap) string {
	digest := sha256.Sum256([]byte(configMap.Data[cpo.ConfigFileName]))
	return hex.EncodeToString(digest[:])
}

// source says what to change when an option in a file of the configuration
// directory is wrong.
func (w wanted) source(file string) string {
	switch {
	case file == cpo.ConfigFileName, file == translate.CredentialFileName:
		// The operator writes these.
		return "spec.backup.pgbackrest of the postgresql resource"
	case w.secret != "":
		return "Secret " + w.secret
	}
	return "what is mounted at " + cpo.ConfigDir
}
