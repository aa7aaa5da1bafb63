// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func (p *Postgresql) restoreName() string { return p.Name + "-pgbackrest-restore" }

// annotationRestore holds the section restore with which the restore began. It is what
// counts until the end, whatever the resource says meanwhile.
const annotationRestore = "InProgressRestoreSpec"

// restore begins if restore.id is new, and continues if the ConfigMap of a restore
// exists. It never suspends a CronJob.
func (o *Operator) restore(ctx context.Context, p *Postgresql) error {
	asked, found, err := o.restoreAsked(ctx, p)
	if err != nil || asked.ID == "" {
		return err
	}
	if !found {
		if err := o.stopPods(ctx, p); err != nil {
			return err
		}
		if err := o.client.Create(ctx, o.restoreConfigMap(p, asked)); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	if err := o.setStatus(ctx, p, map[string]string{keyStatus: statusRestoring}); err != nil {
		return err
	}
	set := &appsv1.StatefulSet{ObjectMeta: p.meta(p.Name, nil)}
	if err := o.scale(ctx, set, 1); err != nil {
		return err
	}
	if err := o.awaitPrimary(ctx, p); err != nil {
		return err
	}
	if err := o.scale(ctx, set, p.Spec.NumberOfInstances); err != nil {
		return err
	}
	if err := o.awaitPods(ctx, p); err != nil {
		return err
	}
	if err := o.setStatus(ctx, p, map[string]string{keyRestoreID: asked.ID}); err != nil {
		return err
	}
	return client.IgnoreNotFound(o.client.Delete(ctx, &corev1.ConfigMap{ObjectMeta: p.meta(p.restoreName(), nil)}))
}

// restoreAsked is the restore in progress or, without one, the one that is asked for
// and has not been done.
func (o *Operator) restoreAsked(ctx context.Context, p *Postgresql) (asked Restore, found bool, err error) {
	configMap := &corev1.ConfigMap{}
	err = o.client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.restoreName()}, configMap)
	switch {
	case err == nil:
		err = json.Unmarshal([]byte(configMap.Annotations[annotationRestore]), &asked)
		return asked, true, err
	case !apierrors.IsNotFound(err):
		return Restore{}, false, err
	case p.backup() == nil || p.backup().Restore.ID == "":
		return Restore{}, false, nil
	}
	done, err := o.restoreDone(ctx, p)
	if err != nil || done == p.backup().Restore.ID {
		return Restore{}, false, err
	}
	return p.backup().Restore, false, nil
}

// restoreDone reads status.RestoreID of the resource as it is now: the event may be
// older than the end of the restore.
func (o *Operator) restoreDone(ctx context.Context, p *Postgresql) (string, error) {
	u, err := o.dynamic.Resource(Resource).Namespace(p.Namespace).Get(ctx, p.Name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	now, err := Decode(u)
	if err != nil {
		return "", err
	}
	return now.Status.RestoreID, nil
}

func (o *Operator) restoring(ctx context.Context, p *Postgresql) (bool, error) {
	err := o.client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.restoreName()}, &corev1.ConfigMap{})
	return err == nil, client.IgnoreNotFound(err)
}

// stopPods takes every pod away.
func (o *Operator) stopPods(ctx context.Context, p *Postgresql) error {
	if err := o.scale(ctx, &appsv1.StatefulSet{ObjectMeta: p.meta(p.Name, nil)}, 0); err != nil {
		return err
	}
	if err := o.deletePods(ctx, p); err != nil {
		return err
	}
	return o.await(ctx, o.PodTimeout, "no pod", func() (bool, error) {
		pods, err := o.pods(ctx, p)
		return len(pods) == 0, err
	})
}

func (o *Operator) deletePods(ctx context.Context, p *Postgresql) error {
	return o.client.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(p.Namespace), client.MatchingLabels(o.selector(p, labelType, typePostgresql)))
}

// awaitPrimary waits until pod 0 has been restored and is the primary.
func (o *Operator) awaitPrimary(ctx context.Context, p *Postgresql) error {
	return o.await(ctx, o.PodTimeout, "pod 0 is the primary", func() (bool, error) {
		pods, err := o.pods(ctx, p)
		return slices.ContainsFunc(pods, func(pod corev1.Pod) bool {
			return pod.Name == p.Name+"-0" && isReady(&pod) && pod.Labels[o.RoleLabel] == rolePrimary
		}), err
	})
}

// restoreConfigMap is what the init container of the pods reads.
func (o *Operator) restoreConfigMap(p *Postgresql, asked Restore) *corev1.ConfigMap {
	var spec bytes.Buffer
	encoder := json.NewEncoder(&spec)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(asked); err != nil {
		panic(err) // It has only texts.
	}
	command := []string{"", "--repo=" + strings.TrimPrefix(asked.Repo, "repo")}
	for _, key := range slices.Sorted(maps.Keys(asked.Options)) {
		command = append(command, fmt.Sprintf("--%s=%q", key, asked.Options[key]))
	}
	meta := p.meta(p.restoreName(), o.selector(p, labelType, typePostgresql))
	meta.Annotations = map[string]string{annotationRestore: strings.TrimSpace(spec.String())}
	return &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{
		"restore_command": strings.Join(command, " "), "restore_enable": yes, "restore_id": asked.ID,
	}}
}
