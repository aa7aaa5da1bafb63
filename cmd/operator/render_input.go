// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
	"github.com/stanzaflow/stanzaflow/internal/translate/drill"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var stanzaKind = stanzaflowv1alpha1.GroupVersion.WithKind("Stanza")

// input is what render reads: the resources, and what it could not read.
type input struct {
	namespace string
	// provisioner owns the configuration of every cluster.
	provisioner vocab.Provisioner
	// clusters are postgresql resources in the order of the input.
	clusters []map[string]any
	stanzas  map[types.NamespacedName]stanzaInput
	// sets are the StatefulSets of PostgreSQL, of which a drill takes its pod.
	sets map[types.NamespacedName]*drill.Source
	// window is that of the operator, windows those of the WorkflowTemplates.
	window  time.Duration
	windows map[types.NamespacedName]*string
	// errors say what could not be read.
	errors []string
	// duplicates say which Stanza replaces an earlier one.
	duplicates []string
}

// stanzaInput is a Stanza of the input.
type stanzaInput struct {
	object   stanzaflowv1alpha1.Stanza
	position string
	// broken is true if it could not be read.
	broken bool
}

func (in *input) fail(position, format string, args ...any) {
	in.errors = append(in.errors, position+": "+fmt.Sprintf(format, args...))
}

// add takes an object, or every object of a list. It ignores what is neither ours
// nor CPO's.
func (in *input) add(object map[string]any, position string) {
	u := &unstructured.Unstructured{Object: object}
	kind := schema.FromAPIVersionAndKind(text(object, "apiVersion"), text(object, "kind"))
	switch items, isList := object["items"].([]any); {
	case isList && strings.HasSuffix(kind.Kind, "List"):
		in.addItems(items, position)
	case kind == cpo.GroupVersionKind:
		in.setNamespace(u)
		in.clusters = append(in.clusters, object)
	case kind == appsv1.SchemeGroupVersion.WithKind("StatefulSet"):
		in.setNamespace(u)
		in.addSet(object, position)
	case kind == stanzaKind:
		in.setNamespace(u)
		in.addStanza(object, position)
	case kind.Group == wfv1.SchemeGroupVersion.Group && kind.Kind == problem.KindTemplate:
		in.setNamespace(u)
		in.addTemplate(u)
	case sameKind(kind, cpo.GroupVersionKind):
		in.fail(position, "there is no %s in %s; use %s", kind.Kind, kind.GroupVersion(), describeKind(cpo.GroupVersionKind))
	case sameKind(kind, stanzaKind):
		in.fail(position, "there is no %s in %s; use %s", kind.Kind, kind.GroupVersion(), describeKind(stanzaKind))
	}
}

func (in *input) addItems(items []any, position string) {
	for i, item := range items {
		itemPosition := fmt.Sprintf("%s, item %d", position, i+1)
		object, ok := item.(map[string]any)
		if !ok {
			in.fail(itemPosition, "is not an object")
			continue
		}
		in.add(object, itemPosition)
	}
}

func (in *input) addStanza(object map[string]any, position string) {
	name := nameOf(object)
	if earlier, ok := in.stanzas[name]; ok {
		in.duplicates = append(in.duplicates, fmt.Sprintf("%s: Stanza %s is already in %s; this one is used", position, name, earlier.position))
	}
	stanza, problems := decodeStanza(object)
	for _, p := range problems {
		in.fail(position, "Stanza %s: %s", name, p)
	}
	in.stanzas[name] = stanzaInput{object: stanza, position: position, broken: len(problems) > 0}
}

// addSet keeps a StatefulSet, which may be that of PostgreSQL.
func (in *input) addSet(object map[string]any, position string) {
	set := &appsv1.StatefulSet{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, set); err != nil {
		in.fail(position, "StatefulSet %s cannot be read: %v", nameOf(object), err)
		return
	}
	if in.sets == nil {
		in.sets = map[types.NamespacedName]*drill.Source{}
	}
	in.sets[nameOf(object)] = drill.SourceOf(set)
}

// addTemplate keeps the window of a WorkflowTemplate.
func (in *input) addTemplate(template *unstructured.Unstructured) {
	if window, ok := template.GetAnnotations()[vocab.AnnotationWindow]; ok {
		if in.windows == nil {
			in.windows = map[types.NamespacedName]*string{}
		}
		in.windows[nameOf(template.Object)] = &window
	}
}

// templateOf is the WorkflowTemplate that a Stanza uses.
func templateOf(namespace string, stanza stanzaflowv1alpha1.StanzaSpec) types.NamespacedName {
	return types.NamespacedName{Namespace: namespace, Name: workflow.TemplateName(stanza)}
}

// warnings are about what is understood and has no effect.
func (in *input) warnings() []string {
	clusters := map[types.NamespacedName]bool{}
	for _, object := range in.clusters {
		clusters[nameOf(object)] = true
	}
	unused := []string{}
	for name, stanza := range in.stanzas {
		if !clusters[name] && !stanza.broken {
			unused = append(unused, fmt.Sprintf("%s: nothing uses Stanza %s: there is no postgresql of that name and namespace in the input%s", stanza.position, name, meantCluster(name, clusters)))
		}
	}
	slices.Sort(unused)
	return slices.Concat(in.duplicates, unused)
}

// meantCluster is the cluster that a Stanza is most likely meant for: one of its
// name in another namespace, or one of a similar name in its own.
func meantCluster(name types.NamespacedName, clusters map[types.NamespacedName]bool) string {
	var elsewhere, beside []string
	for cluster := range clusters {
		switch {
		case cluster.Name == name.Name:
			elsewhere = append(elsewhere, cluster.String())
		case cluster.Namespace == name.Namespace:
			beside = append(beside, cluster.Name)
		}
	}
	slices.Sort(beside) // of two that are equally close, always the same one
	if len(elsewhere) > 0 {
		return "; did you mean " + slices.Min(elsewhere) + "?"
	}
	if meant := nearmiss.Of(name.Name, beside); meant != "" {
		return "; did you mean " + name.Namespace + "/" + meant + "?"
	}
	return ""
}

func (in *input) setNamespace(object *unstructured.Unstructured) {
	if metadata, ok := object.Object["metadata"].(map[string]any); ok && metadata["namespace"] == nil {
		metadata["namespace"] = in.namespace
	}
}

func nameOf(object map[string]any) types.NamespacedName {
	u := unstructured.Unstructured{Object: object}
	return types.NamespacedName{Namespace: u.GetNamespace(), Name: u.GetName()}
}

func text(object map[string]any, key string) string {
	value, _ := object[key].(string)
	return value
}

// sameKind reports whether only the version, or the case of a letter, is wrong.
func sameKind(got, want schema.GroupVersionKind) bool {
	return got.Group == want.Group && strings.EqualFold(got.Kind, want.Kind)
}

func describeKind(kind schema.GroupVersionKind) string {
	return fmt.Sprintf("apiVersion %s, kind %s", kind.GroupVersion(), kind.Kind)
}
