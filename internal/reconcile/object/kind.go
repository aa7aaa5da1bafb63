// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"fmt"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// Kinds that we read and write. All but the Stanza are read unstructured: a
// field of the wrong type in one object must not stop the informer for all.
var (
	ConfigMap        = corev1.SchemeGroupVersion.WithKind("ConfigMap")
	Service          = corev1.SchemeGroupVersion.WithKind("Service")
	Claim            = corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")
	StatefulSet      = appsv1.SchemeGroupVersion.WithKind("StatefulSet")
	CronJobKind      = batchv1.SchemeGroupVersion.WithKind("CronJob")
	Secret           = corev1.SchemeGroupVersion.WithKind("Secret")
	Certificate      = schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}
	CronWorkflow     = wfv1.SchemeGroupVersion.WithKind("CronWorkflow")
	Workflow         = wfv1.SchemeGroupVersion.WithKind("Workflow")
	WorkflowTemplate = wfv1.SchemeGroupVersion.WithKind("WorkflowTemplate")
	Stanza           = stanzaflowv1alpha1.GroupVersion.WithKind("Stanza")
)

// Ownership says how much of an object of a kind is ours.
type Ownership string

// Ownerships.
const (
	// Whole: the fields in Payload are ours, with everything in them.
	Whole Ownership = "whole"
	// Part: the fields that we send are ours. The API server fills in many more,
	// and a mesh or an autoscaler may change those.
	Part Ownership = "part"
	// CreateOnly: we create it and then leave it alone. A claim may grow.
	CreateOnly Ownership = "create-only"
	// WriteOnly: it is all ours, and we have no right to read it.
	WriteOnly Ownership = "write-only"
	// ReadOnly: others write it. A Workflow gets an annotation of ours, and a CronJob
	// of CPO is suspended and resumed.
	ReadOnly Ownership = "read-only"
)

// Software serves a kind and need not be installed.
type Software string

// Software that serves kinds of the table.
const (
	Argo        Software = "Argo Workflows"
	CertManager Software = "cert-manager"
)

// Kind is a row of the table of kinds.
type Kind struct {
	GVK       schema.GroupVersionKind
	Ownership Ownership
	// Payload lists the fields that are ours as a whole.
	Payload []string
	// Watched: a cache holds the objects with our label.
	Watched bool
	// Needs is the software that serves the kind, empty for the API server.
	Needs Software
	// Steers: PostgreSQL archives by objects of the kind. The status lists those
	// that a Problem keeps.
	Steers bool
	// HoldsBackups: an object of the kind must never be removed.
	HoldsBackups bool
	// Serves: objects of the kind are the repo host and its volumes. If another
	// owner has the name of one, nothing that steers PostgreSQL changes.
	Serves bool
}

// kinds is the table. Reads and watches follow its order.
var kinds = []Kind{
	{GVK: ConfigMap, Ownership: Whole, Payload: []string{"data", "binaryData"}, Watched: true, Steers: true},
	{GVK: Service, Ownership: Part, Watched: true},
	{GVK: Claim, Ownership: CreateOnly, Watched: true, HoldsBackups: true, Serves: true},
	{GVK: StatefulSet, Ownership: Part, Watched: true, Steers: true, Serves: true},
	{GVK: Secret, Ownership: WriteOnly},
	{GVK: Certificate, Ownership: Part, Needs: CertManager},
	{GVK: CronWorkflow, Ownership: Whole, Payload: []string{FieldSpec}, Watched: true, Needs: Argo},
	{GVK: CronJobKind, Ownership: ReadOnly},
	{GVK: Workflow, Ownership: ReadOnly, Needs: Argo},
	{GVK: WorkflowTemplate, Ownership: ReadOnly, Needs: Argo},
	{GVK: Stanza, Ownership: CreateOnly},
}

// lookup returns the row of a kind.
func lookup(gvk schema.GroupVersionKind) (Kind, bool) {
	for _, kind := range kinds {
		if kind.GVK == gvk {
			return kind, true
		}
	}
	return Kind{}, false
}

// KindOf returns the row of a kind that must be in the table. It panics if the
// kind is not: no rule for another kind may apply to it.
func KindOf(gvk schema.GroupVersionKind) Kind {
	kind, ok := lookup(gvk)
	if !ok {
		panic(fmt.Sprintf("kind %s is not in the table of kinds", gvk))
	}
	return kind
}

// Watched lists the kinds that we watch with our label and that the given
// software serves, empty for the API server itself.
func Watched(by Software) []schema.GroupVersionKind {
	var list []schema.GroupVersionKind
	for _, kind := range kinds {
		if kind.Watched && kind.Needs == by {
			list = append(list, kind.GVK)
		}
	}
	return list
}

// ServedBy lists the kinds that exist only with a piece of software.
func ServedBy(software Software) []schema.GroupVersionKind {
	var list []schema.GroupVersionKind
	for _, kind := range kinds {
		if kind.Needs == software {
			list = append(list, kind.GVK)
		}
	}
	return list
}

// New returns an empty object of a kind.
func New(kind schema.GroupVersionKind) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kind)
	return u
}

// NewList returns an empty list of objects of a kind.
func NewList(kind schema.GroupVersionKind) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	return list
}

// NewMetadataList returns an empty list of the metadata of objects of a kind.
func NewMetadataList(kind schema.GroupVersionKind) *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	return list
}

// NewMetadata returns the empty metadata of an object of a kind.
func NewMetadata(kind schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(kind)
	return m
}
