// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// Kinds that we read and write. All but the Stanza are read unstructured: a
// field of the wrong type in one object must not stop the informer for all.
var (
	configMapKind        = corev1.SchemeGroupVersion.WithKind("ConfigMap")
	serviceKind          = corev1.SchemeGroupVersion.WithKind("Service")
	claimKind            = corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")
	statefulSetKind      = appsv1.SchemeGroupVersion.WithKind("StatefulSet")
	secretKind           = corev1.SchemeGroupVersion.WithKind("Secret")
	certificateKind      = schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}
	cronWorkflowKind     = wfv1.SchemeGroupVersion.WithKind("CronWorkflow")
	workflowKind         = wfv1.SchemeGroupVersion.WithKind("Workflow")
	workflowTemplateKind = wfv1.SchemeGroupVersion.WithKind("WorkflowTemplate")
	stanzaKind           = stanzaflowv1alpha1.GroupVersion.WithKind("Stanza")
)

// argoKinds must be served before a schedule can be programmed.
var argoKinds = []schema.GroupVersionKind{cronWorkflowKind, workflowKind, workflowTemplateKind}

// watchedKinds hold the configuration of pgBackRest and the repo host; of them
// we watch what has our label. Secrets we cannot read, and cert-manager need not
// be installed.
var watchedKinds = []schema.GroupVersionKind{configMapKind, serviceKind, claimKind, statefulSetKind}

func newObject(kind schema.GroupVersionKind) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kind)
	return u
}

func newList(kind schema.GroupVersionKind) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(listKind(kind))
	return list
}

func newMetadata(kind schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(kind)
	return m
}

func listKind(kind schema.GroupVersionKind) schema.GroupVersionKind {
	return kind.GroupVersion().WithKind(kind.Kind + "List")
}
