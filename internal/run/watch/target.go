// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// target is a cluster to ask.
type target struct {
	postgresql cpo.Postgresql
	labels     cpo.Labels
	// pods are those with the labels that all clusters of its CPO have.
	pods []corev1.Pod
}

// list reads the namespace: three requests for each 200 objects.
func (w *watch) list(ctx context.Context) ([]target, error) {
	postgresqls, err := w.Lister.Postgresqls(ctx, w.Namespace)
	if err != nil {
		return nil, fmt.Errorf("cannot list the postgresqls of namespace %s: %w", w.Namespace, err)
	}
	stanzas, err := w.Lister.Stanzas(ctx, w.Namespace)
	if err != nil {
		return nil, fmt.Errorf("cannot list the Stanzas of namespace %s: %w", w.Namespace, err)
	}
	targets := selectTargets(postgresqls, stanzas)
	listed := map[string][]corev1.Pod{}
	for i, t := range targets {
		selector := labels.SelectorFromSet(t.labels.Cluster).String()
		if _, ok := listed[selector]; !ok {
			if listed[selector], err = w.Lister.PodsInBrief(ctx, w.Namespace, t.labels.Cluster); err != nil {
				return nil, fmt.Errorf("cannot list the pods of namespace %s: %w", w.Namespace, err)
			}
		}
		targets[i].pods = listed[selector]
	}
	return targets, nil
}

// selectTargets returns the clusters that have a repo and for which the operator makes
// backups, in the order of their names.
func selectTargets(postgresqls []cpo.Postgresql, stanzas map[string]stanzaflowv1alpha1.Stanza) []target {
	byName := map[string]target{}
	for _, p := range postgresqls {
		stanza := stanzas[p.Name]
		if p.PgBackRest == nil || len(p.PgBackRest.Repos) == 0 || !managed(stanza) {
			continue
		}
		byName[p.Name] = target{postgresql: p, labels: remote.LabelsIn(stanza.Status)}
	}
	targets := make([]target, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		targets = append(targets, byName[name])
	}
	return targets
}

// managed reports whether the operator makes the backups of a cluster, as far as its
// Stanza says.
func managed(stanza stanzaflowv1alpha1.Stanza) bool {
	if stanza.Spec.Managed != nil && !*stanza.Spec.Managed {
		return false
	}
	accepted := meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionAccepted)
	return accepted == nil || accepted.Reason != string(vocab.ReasonManagedByCPO)
}

// listed answers for the pods of one cluster from the list of all.
type listed struct {
	remote.Finder

	pods []corev1.Pod
}

// Pods implements remote.Finder.
func (l listed) Pods(_ context.Context, namespace string, selector map[string]string) ([]corev1.Pod, error) {
	matches := labels.SelectorFromSet(selector)
	var found []corev1.Pod
	for _, pod := range l.pods {
		if pod.Namespace == namespace && matches.Matches(labels.Set(pod.Labels)) {
			found = append(found, pod)
		}
	}
	return found, nil
}
