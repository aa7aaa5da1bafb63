// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Repos has an entry for each repo of the configuration that is in force: the
// planned one, or the one before it while a Problem keeps that, or while nothing
// is planned at all, since PostgreSQL then archives by the last one.
func Repos(before []stanzaflowv1alpha1.RepoStatus, p Pass) []stanzaflowv1alpha1.RepoStatus {
	known := map[string]stanzaflowv1alpha1.RepoStatus{}
	for _, entry := range before {
		known[entry.Name] = entry
	}
	kept := p.Plan.Keep.Configuration || len(p.Plan.Repos) == 0
	var after []stanzaflowv1alpha1.RepoStatus
	for _, repo := range p.Plan.Repos {
		entry := stanzaflowv1alpha1.RepoStatus{Name: repo.Name, Storage: repo.Storage, Location: repo.Location}
		switch was, ok := known[repo.Name]; {
		case !ok:
		case kept, was.Storage == entry.Storage && was.Location == entry.Location:
			entry = was
		default:
			entry.PreviousLocation = leftLocation(was, entry.Location)
		}
		delete(known, repo.Name)
		after = append(after, outcome.FoldRepo(entry, p.Runs))
	}
	if kept {
		for _, entry := range known {
			after = append(after, outcome.FoldRepo(entry, p.Runs))
		}
	}
	slices.SortFunc(after, func(a, b stanzaflowv1alpha1.RepoStatus) int { return strings.Compare(a.Name, b.Name) })
	return after
}

// leftLocation is where the backups of a repo are that moves to another location,
// empty if there are none. A repo that moves twice before its first backup has left
// them at the first place.
func leftLocation(was stanzaflowv1alpha1.RepoStatus, to string) string {
	left := was.PreviousLocation
	if was.LastBackup != nil {
		left = was.Location
	}
	if left == to {
		return ""
	}
	return left
}

// orphanedClaims are the claims of the cluster that no repo uses. While a Problem
// keeps the configuration, the claims in use are those that were in use before
// it.
func orphanedClaims(before []string, p Pass) []string {
	used := map[string]bool{}
	for _, repo := range p.Plan.Repos {
		used[repo.Claim] = true
	}
	var orphaned []string
	for _, claim := range p.State.Objects[object.Claim] {
		name := claim.GetName()
		if p.Plan.Keep.Configuration && !slices.Contains(before, name) || used[name] {
			continue
		}
		orphaned = append(orphaned, name)
	}
	return orphaned
}

// configuration identifies the configuration that the pods should have, for the
// precheck of a run. While a Problem keeps an older one, its files are not known
// here. Nor are those of CPO.
func configuration(before *stanzaflowv1alpha1.ConfigurationStatus, p Pass) *stanzaflowv1alpha1.ConfigurationStatus {
	switch {
	case p.State.Undecided != "":
		return before
	case p.Provisioner == vocab.ProvisionedByCPO:
		return configurationOfCPO(p)
	case p.State.Postgresql == nil, p.Plan.Provision == nil && !p.Plan.Keep.Configuration:
		return nil
	case p.Plan.LeftToCPO && !slices.ContainsFunc(p.State.Objects[object.ConfigMap], steers):
		return leftToCPO(before, p) // we have written none
	}
	after := &stanzaflowv1alpha1.ConfigurationStatus{Provisioner: string(vocab.ProvisionedByUs), Source: cpo.BackupDigest(p.State.Postgresql.Object)}
	if p.Plan.Keep.Configuration {
		return after
	}
	after.Primary = fileDigest(p.Plan.Provision.ConfigMap)
	if host := p.Plan.Provision.RepoHost; host != nil {
		after.RepoHost = fileDigest(host.ConfigMap)
	}
	return after
}

// steers reports whether PostgreSQL archives by a ConfigMap.
func steers(configMap *unstructured.Unstructured) bool {
	return !strings.HasSuffix(configMap.GetName(), vocab.DrillConfigSuffix)
}

// configurationOfCPO identifies the settings of which CPO makes a configuration. A run
// compares the pods with the options of these settings.
func configurationOfCPO(p Pass) *stanzaflowv1alpha1.ConfigurationStatus {
	if p.State.Postgresql == nil {
		return nil
	}
	if cluster, _ := cpo.Decode(p.State.Postgresql.Object); cluster.PgBackRest == nil {
		return nil
	}
	after := &stanzaflowv1alpha1.ConfigurationStatus{Provisioner: string(vocab.ProvisionedByCPO), Source: cpo.BackupDigest(p.State.Postgresql.Object)}
	if labels := p.State.CPO.Labels; !labels.Equal(cpo.DefaultLabels()) {
		after.Labels = &stanzaflowv1alpha1.PodLabels{Cluster: labels.Cluster, ClusterName: labels.ClusterName, Role: labels.Role}
	}
	return after
}

// leftToCPO is the configuration that CPO writes while mode standalone leaves the
// cluster to it. The schedules that mode alongside has taken over continue until the
// cluster is handed over, and their runs compare the pods with CPO's options.
func leftToCPO(before *stanzaflowv1alpha1.ConfigurationStatus, p Pass) *stanzaflowv1alpha1.ConfigurationStatus {
	if before == nil || before.Provisioner != string(vocab.ProvisionedByCPO) {
		return nil
	}
	after := configurationOfCPO(p)
	if after != nil {
		after.Labels = before.Labels // mode standalone does not read them
	}
	return after
}

// fileDigest is the SHA-256 of the configuration file in a ConfigMap.
func fileDigest(configMap corev1.ConfigMap) string {
	sum := sha256.Sum256([]byte(configMap.Data[cpo.ConfigFileName]))
	return hex.EncodeToString(sum[:])
}
