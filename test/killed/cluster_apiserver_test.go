//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package killed

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// setUp makes everything but the cluster: its pods are ready as soon as it exists.
func (tr *trial) setUp() {
	tr.Helper()
	tr.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tr.namespace}})
	tr.create(reconciletest.Account(tr.namespace))
	tr.create(reconciletest.Template(tr.namespace))
	app := map[string]string{"app": "web"}
	tr.create(&appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: tr.namespace, Name: "web", Labels: app},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: app}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: app},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "registry.example.com/web:v1"}}},
		}},
	})
	tr.createPod("shop-0", cpo.RolePrimary)
	tr.createPod("shop-1", "replica")
	tr.create(&stanzaflowv1alpha1.Stanza{
		ObjectMeta: metav1.ObjectMeta{Namespace: tr.namespace, Name: reconciletest.Cluster},
		Spec: stanzaflowv1alpha1.StanzaSpec{Triggers: []stanzaflowv1alpha1.Trigger{
			{
				Name: "release", Event: stanzaflowv1alpha1.OnChange, Type: cpo.Incr, Cooldown: &metav1.Duration{Duration: 3 * time.Second},
				Of:   &stanzaflowv1alpha1.TriggerObject{Kind: "Deployment", Selector: &metav1.LabelSelector{MatchLabels: app}},
				When: "old.spec.template.spec.containers[0].image != new.spec.template.spec.containers[0].image",
			},
			{Name: "failover", Event: stanzaflowv1alpha1.OnFailover, Type: cpo.Incr},
		}},
	})
}

// createPod makes a pod of the cluster, with the status that a kubelet would write.
func (tr *trial) createPod(name, role string) {
	tr.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: tr.namespace, Name: name, Labels: map[string]string{
			cpo.LabelApplication: cpo.Application, cpo.LabelCluster: reconciletest.Cluster, cpo.LabelRole: role,
			cpo.LabelMemberType: cpo.MemberPostgreSQL,
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: cpo.ContainerPostgreSQL, Image: "registry.example.com/postgres:17"}}},
	}
	tr.create(pod)
	pod.Status = corev1.PodStatus{
		Phase:             corev1.PodRunning,
		Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: cpo.ContainerPostgreSQL, Ready: true, Started: new(true), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}}},
	}
	if err := tr.server.client.Status().Update(tr.Context(), pod); err != nil {
		tr.Fatal(err)
	}
}

func (tr *trial) createCluster() {
	tr.Helper()
	tr.create(reconciletest.Postgresql(tr.T, tr.namespace))
	tr.happened = time.Now()
}

func (tr *trial) postgresql() *unstructured.Unstructured {
	tr.Helper()
	u := object.New(cpo.GroupVersionKind)
	if err := tr.server.client.Get(tr.Context(), tr.key(reconciletest.Cluster), u); err != nil {
		tr.Fatal(err)
	}
	return u
}

func (tr *trial) stanza() *stanzaflowv1alpha1.Stanza {
	tr.Helper()
	stanza := &stanzaflowv1alpha1.Stanza{}
	if err := tr.server.client.Get(tr.Context(), tr.key(reconciletest.Cluster), stanza); err != nil {
		tr.Fatal(err)
	}
	return stanza
}

func (tr *trial) deployment() client.Object {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: tr.namespace, Name: "web"}}
}

func (tr *trial) pod(name string) client.Object {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: tr.namespace, Name: name}}
}

func (tr *trial) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: tr.namespace, Name: name}
}

func (tr *trial) create(o client.Object) {
	tr.Helper()
	if err := tr.server.client.Create(tr.Context(), o); err != nil {
		tr.Fatal(err)
	}
}

func (tr *trial) update(o client.Object) {
	tr.Helper()
	if err := tr.server.client.Update(tr.Context(), o); err != nil {
		tr.Error(err)
	}
	tr.happened = time.Now()
}

func newWorkflowList() *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(object.Workflow.GroupVersion().WithKind(object.Workflow.Kind + "List"))
	return list
}

// watchPending notes every cause that is ever in the status.
func (tr *trial) watchPending() {
	tr.Helper()
	watch, err := tr.server.client.Watch(tr.Context(), &stanzaflowv1alpha1.StanzaList{}, client.InNamespace(tr.namespace))
	if err != nil {
		tr.Fatal(err)
	}
	tr.Cleanup(watch.Stop)
	go func() {
		for e := range watch.ResultChan() {
			stanza, ok := e.Object.(*stanzaflowv1alpha1.Stanza)
			if !ok {
				continue
			}
			tr.mu.Lock()
			for _, trigger := range stanza.Status.Triggers {
				if trigger.Pending == nil {
					continue
				}
				if tr.pending[trigger.Name] == nil {
					tr.pending[trigger.Name] = map[string]bool{}
				}
				for _, cause := range trigger.Pending.Causes {
					tr.pending[trigger.Name][cause] = true
				}
			}
			tr.mu.Unlock()
		}
	}()
}

// standInForArgo ends every Workflow soon after it was created, as a proven backup.
func (tr *trial) standInForArgo() {
	tr.Helper()
	ctx := tr.Context()
	go func() {
		for ctx.Err() == nil {
			runs := newWorkflowList()
			if err := tr.server.client.List(ctx, runs, client.InNamespace(tr.namespace)); err == nil {
				for i := range runs.Items {
					if phase, _, _ := unstructured.NestedString(runs.Items[i].Object, "status", "phase"); phase == "" {
						tr.prove(ctx, &runs.Items[i])
					}
				}
			}
			pause(ctx, 500*time.Millisecond)
		}
	}()
}

// prove ends a Workflow with the report of a proven backup.
func (tr *trial) prove(ctx context.Context, workflow *unstructured.Unstructured) {
	now, labels := time.Now().UTC().Truncate(time.Second), workflow.GetLabels()
	location := reconciletest.Location
	if labels[vocab.LabelRepo] == "repo2" {
		location = "s3://other-backups/var/lib/pgbackrest"
	}
	data, err := report.Report{
		Kind: vocab.RunBackup, Result: stanzaflowv1alpha1.RunSucceeded, Step: "verify", Run: string(workflow.GetUID()),
		Cluster: reconciletest.Cluster, Repo: labels[vocab.LabelRepo], Type: labels[vocab.LabelType], Trigger: labels[vocab.LabelTrigger],
		Backup: &report.Backup{
			Label: now.Format("20060102-150405") + "F", Type: labels[vocab.LabelType], Start: now, Stop: now, DatabaseBytes: 1 << 30, RepoDeltaBytes: 1 << 28,
			WALStart: "000000010000000000000002", WALStop: "000000010000000000000003", OldestInRepo: now, BackupsInRepo: 1, FullsInRepo: 1,
			Storage: cpo.StorageS3, Location: location, Cipher: "none", Verified: stanzaflowv1alpha1.VerifiedContents,
		},
		Retention: &report.Retention{},
	}.Encode()
	if err != nil {
		tr.Error(err)
		return
	}
	workflow.Object["status"] = map[string]any{
		"phase": "Succeeded", "startedAt": now.Format(time.RFC3339), "finishedAt": now.Format(time.RFC3339),
		"outputs": map[string]any{"parameters": []any{map[string]any{"name": vocab.OutputReport, "value": string(data)}}},
	}
	if err := tr.server.client.Update(ctx, workflow); err != nil && !apierrors.IsConflict(err) && ctx.Err() == nil {
		tr.Error(err)
	}
}
