// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
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
	w.Requests++
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
	w.Requests++
	if w.OnStanza != nil {
		w.OnStanza()
	}
	return w.StanzaObject, errors.Join(ctx.Err(), w.StanzaError)
}

// Cancelled implements remote.Workflows.
func (w *World) Cancelled(ctx context.Context, namespace, name, uid string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Requests++
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

// Started implements remote.Workflows.
func (w *World) Started(ctx context.Context, namespace, name, uid string) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Requests++
	if namespace != Namespace || name != Workflow || uid != Run {
		w.T.Errorf("asked for the start of Workflow %s/%s with UID %s", namespace, name, uid)
	}
	if len(w.StartErrors) > 0 {
		err := w.StartErrors[0]
		w.StartErrors = w.StartErrors[1:]
		return time.Time{}, err
	}
	return w.StartTime, ctx.Err()
}

// Slot implements remote.Workflows.
func (w *World) Slot(ctx context.Context, namespace, name, uid string) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Requests++
	if namespace != Namespace || name != Workflow || uid != Run {
		w.T.Errorf("asked for the slot of Workflow %s/%s with UID %s", namespace, name, uid)
	}
	return w.SlotTime, errors.Join(ctx.Err(), w.SlotError)
}

// CronJobs implements remote.Finder.
func (w *World) CronJobs(ctx context.Context, namespace string, selector map[string]string) ([]batchv1.CronJob, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Requests++
	if err := cmp.Or(ctx.Err(), w.CronJobsError); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(w.CronJobObjects), func(c batchv1.CronJob) bool {
		return c.Namespace != namespace || !labels.SelectorFromSet(selector).Matches(labels.Set(c.Labels))
	}), nil
}

// Jobs implements remote.Finder.
func (w *World) Jobs(ctx context.Context, namespace string, selector map[string]string) ([]batchv1.Job, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Requests++
	if err := cmp.Or(ctx.Err(), w.JobsError); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(w.JobObjects), func(j batchv1.Job) bool {
		return j.Namespace != namespace || !labels.SelectorFromSet(selector).Matches(labels.Set(j.Labels))
	}), nil
}

// HasConfigMap implements remote.Finder.
func (w *World) HasConfigMap(ctx context.Context, namespace, name string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Requests++
	err := cmp.Or(ctx.Err(), w.ConfigMapError)
	return err == nil && namespace == Namespace && slices.Contains(w.ConfigMaps, name), err
}

// CertificateEnd implements remote.Servers.
func (w *World) CertificateEnd(ctx context.Context, address string) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if address != RepoHostAddress {
		w.T.Errorf("asked the server at %s for its certificate, want %s", address, RepoHostAddress)
	}
	return w.CertificateTime, cmp.Or(ctx.Err(), w.CertificateError)
}

// RecordEvent implements remote.Workflows.
func (w *World) RecordEvent(ctx context.Context, namespace, name, uid, reason, message string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Requests++
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
	w.Requests++
	if err := errors.Join(ctx.Err(), w.PodsError); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(w.PodObjects), func(p corev1.Pod) bool {
		return p.Namespace != namespace || !labels.SelectorFromSet(selector).Matches(labels.Set(p.Labels))
	}), nil
}
