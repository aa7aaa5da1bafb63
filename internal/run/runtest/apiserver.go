// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Postgresql implements remote.Finder.
func (w *World) Postgresql(ctx context.Context, namespace, name string) (cpo.Postgresql, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return cpo.Postgresql{}, "", ctx.Err()
	case w.ClusterError != nil:
		return cpo.Postgresql{}, "", w.ClusterError
	case namespace != w.Cluster.Namespace || name != w.Cluster.Name:
		return cpo.Postgresql{}, "", apierrors.NewNotFound(schema.GroupResource{Group: cpo.GroupVersionKind.Group, Resource: "postgresqls"}, name)
	}
	return w.Cluster, w.BackupDigest, nil
}

// Stanza implements remote.Finder.
func (w *World) Stanza(ctx context.Context, _, _ string) (stanzaflowv1alpha1.Stanza, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.StanzaObject, errors.Join(ctx.Err(), w.StanzaError)
}

// Cancelled implements remote.Workflows.
func (w *World) Cancelled(ctx context.Context, namespace, name, uid string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if namespace != Namespace || name != Workflow || uid != Run {
		w.T.Errorf("asked for Workflow %s/%s with UID %s", namespace, name, uid)
	}
	if len(w.CancelErrors) > 0 {
		err := w.CancelErrors[0]
		w.CancelErrors = w.CancelErrors[1:]
		return "", err
	}
	return w.CancelledBy, ctx.Err()
}

// RecordEvent implements remote.Workflows.
func (w *World) RecordEvent(ctx context.Context, namespace, name, uid, reason, message string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if namespace != Namespace || name != Workflow || uid != Run {
		w.T.Errorf("an event at Workflow %s/%s with UID %s", namespace, name, uid)
	}
	w.Events = append(w.Events, reason+": "+message)
	return errors.Join(ctx.Err(), w.EventError)
}

// Pods implements remote.Finder.
func (w *World) Pods(ctx context.Context, namespace string, selector map[string]string) ([]corev1.Pod, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := errors.Join(ctx.Err(), w.PodsError); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(w.PodObjects), func(p corev1.Pod) bool {
		return p.Namespace != namespace || !labels.SelectorFromSet(selector).Matches(labels.Set(p.Labels))
	}), nil
}
