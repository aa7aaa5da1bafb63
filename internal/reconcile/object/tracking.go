// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// track has Argo CD show the CronWorkflows in the application of the Stanza or, if that is
// in none, of the postgresql. Argo CD then neither prunes them nor deletes them with the
// application: with them it would end running backups.
func track(state State, cronWorkflows []*unstructured.Unstructured) {
	application, installation := trackedBy(state)
	if !state.ArgoCD || application == "" {
		return
	}
	for _, o := range cronWorkflows {
		Annotate(o, vocab.AnnotationTracking, application+":"+identity(CronWorkflow.GroupKind(), o.GetNamespace(), o.GetName()))
		Annotate(o, vocab.AnnotationCompareOptions, "IgnoreExtraneous")
		Annotate(o, vocab.AnnotationSyncOptions, "Prune=false,Delete=false")
		if installation != "" {
			Annotate(o, vocab.AnnotationInstallation, installation)
		}
	}
}

// trackedBy returns the application that has the Stanza or the postgresql, and the
// installation of Argo CD. An object that carries the annotation of another one belongs to
// no application: somebody has copied it.
func trackedBy(state State) (application, installation string) {
	read := func(annotations map[string]string, kind schema.GroupKind) bool {
		name, of, found := strings.Cut(annotations[vocab.AnnotationTracking], ":")
		if !found || name == "" || of != identity(kind, state.Key.Namespace, state.Key.Name) {
			return false
		}
		application, installation = name, annotations[vocab.AnnotationInstallation]
		return true
	}
	if state.Stanza != nil && read(state.Stanza.Annotations, stanzaflowv1alpha1.GroupVersion.WithKind("Stanza").GroupKind()) {
		return application, installation
	}
	if state.Postgresql != nil {
		read(state.Postgresql.GetAnnotations(), cpo.GroupVersionKind.GroupKind())
	}
	return application, installation
}

// identity is how Argo CD writes which object an annotation is about.
func identity(kind schema.GroupKind, namespace, name string) string {
	return kind.Group + "/" + kind.Kind + ":" + namespace + "/" + name
}
