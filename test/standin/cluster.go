// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Values of status.PostgresClusterStatus.
const (
	statusCreating     = "Creating"
	statusUpdating     = "Updating"
	statusRestoring    = "Restoring"
	statusRunning      = "Running"
	statusCreateFailed = "CreateFailed"
	statusUpdateFailed = "UpdateFailed"
	statusSyncFailed   = "SyncFailed"
)

// sameRequest reports whether nothing has changed that makes CPO update a cluster: its
// spec or an annotation.
func sameRequest(old, p *Postgresql) bool {
	return old != nil && reflect.DeepEqual(old.Spec, p.Spec) && maps.Equal(old.Annotations, p.Annotations)
}

// create makes everything for the first time, the CronJobs last.
func (o *Operator) create(ctx context.Context, p *Postgresql) error {
	if err := o.setStatus(ctx, p, map[string]string{keyStatus: statusCreating}); err != nil {
		return err
	}
	return o.finish(ctx, p, statusCreateFailed, o.sequence(
		func() error { return o.ensureBase(ctx, p) },
		func() error { return o.createStatefulSets(ctx, p) },
		func() error { return o.awaitPods(ctx, p) },
		func() error { return o.syncCronJobs(ctx, p) },
	))
}

// update acts on the difference of the two states, and on nothing else.
func (o *Operator) update(ctx context.Context, old, p *Postgresql) error {
	if err := o.setStatus(ctx, p, map[string]string{keyStatus: statusUpdating}); err != nil {
		return err
	}
	backupChanged := !reflect.DeepEqual(old.Spec.Backup, p.Spec.Backup) || !maps.Equal(old.Spec.Labels, p.Spec.Labels)
	return o.finish(ctx, p, statusUpdateFailed, o.sequence(
		func() error {
			if p.backup() == nil && old.backup() != nil {
				// The CronJobs stay until the next sync.
				return o.deleteConfigMaps(ctx, p)
			}
			return o.ensureBase(ctx, p)
		},
		func() error { return o.syncStatefulSets(ctx, p) },
		func() error {
			if !backupChanged || p.backup() == nil {
				return nil
			}
			return o.syncCronJobs(ctx, p)
		},
		func() error { return o.restore(ctx, p) },
	))
}

// syncCluster makes everything as the resource says, whatever has happened to it. It
// waits for the pods: while one is missing, there is no sync of the CronJobs.
func (o *Operator) syncCluster(ctx context.Context, p *Postgresql) error {
	return o.finish(ctx, p, statusSyncFailed, o.sequence(
		func() error { return o.ensureBase(ctx, p) },
		func() error { return o.syncStatefulSets(ctx, p) },
		func() error {
			// One that was interrupted may have left no pods to wait for.
			if restoring, err := o.restoring(ctx, p); err != nil || !restoring {
				return err
			}
			return o.restore(ctx, p)
		},
		func() error { return o.awaitPods(ctx, p) },
		func() error { return o.syncCronJobs(ctx, p) },
		func() error { return o.restore(ctx, p) },
	))
}

// sequence stops at the first error: the rest is skipped.
func (o *Operator) sequence(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// finish writes the status.
func (o *Operator) finish(ctx context.Context, p *Postgresql, failed string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // Killed: the status stays unchanged.
	}
	status := statusRunning
	if err != nil {
		status = failed
	}
	return errors.Join(err, o.setStatus(ctx, p, map[string]string{keyStatus: status}))
}

const (
	keyStatus    = "PostgresClusterStatus"
	keyRestoreID = "RestoreID"
)

// setStatus merges keys into the status, and leaves those of others.
func (o *Operator) setStatus(ctx context.Context, p *Postgresql, status map[string]string) error {
	body, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(Resource.GroupVersion().WithKind("postgresql"))
	u.SetNamespace(p.Namespace)
	u.SetName(p.Name)
	err = o.client.Status().Patch(ctx, u, client.RawPatch(types.MergePatchType, body))
	return client.IgnoreNotFound(err)
}

// ensureBase makes what the pods need, an almost empty ConfigMap if the resource has no
// backup. It merges its text into a ConfigMap that exists,
// whoever made it, and uses a Secret and a Service that exist as they are.
func (o *Operator) ensureBase(ctx context.Context, p *Postgresql) error {
	if err := o.createMissing(ctx, o.service(p)); err != nil {
		return err
	}
	for _, configMap := range o.configMaps(p) {
		if err := o.ensureConfigMap(ctx, configMap); err != nil {
			return err
		}
	}
	if p.hasRepoHost() {
		return o.createMissing(ctx, o.certificate(p))
	}
	return nil
}

func (o *Operator) createMissing(ctx context.Context, object client.Object) error {
	if err := o.client.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("cannot create %T %s/%s: %w", object, object.GetNamespace(), object.GetName(), err)
	}
	return nil
}

func (o *Operator) ensureConfigMap(ctx context.Context, configMap *corev1.ConfigMap) error {
	err := o.client.Create(ctx, configMap.DeepCopy())
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	body, err := json.Marshal(map[string]any{"data": configMap.Data})
	if err != nil {
		return err
	}
	return o.client.Patch(ctx, configMap, client.RawPatch(types.MergePatchType, body))
}
