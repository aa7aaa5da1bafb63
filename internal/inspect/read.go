// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/nearmiss"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Stanzas returns those of a namespace, or of all namespaces if that is empty.
func Stanzas(ctx context.Context, from Source, namespace string) ([]*stanzaflowv1alpha1.Stanza, error) {
	objects, err := from.List(ctx, stanzas, namespace, "")
	if err != nil {
		return nil, explainList(err, stanzas, namespace)
	}
	all, unknown := decodeAll[stanzaflowv1alpha1.Stanza](objects)
	if len(unknown) > 0 {
		return nil, errors.New(strings.Join(unknown, "; ") + ": use the program of the release that is installed")
	}
	return all, nil
}

// Stanza returns one. The error about a name that does not exist says which one was
// probably meant.
func Stanza(ctx context.Context, from Source, namespace, name string) (*stanzaflowv1alpha1.Stanza, error) {
	object, err := from.Get(ctx, stanzas, namespace, name)
	switch {
	case apierrors.IsNotFound(err) && !notServed(err):
		return nil, noSuch(ctx, from, namespace, name)
	case err != nil:
		return nil, explainGet(err, stanzas, namespace, name)
	}
	stanza, err := decode[stanzaflowv1alpha1.Stanza](object)
	return &stanza, err
}

// noSuch says that there is neither a Stanza nor, as far as is known, a postgresql.
func noSuch(ctx context.Context, from Source, namespace, name string) error {
	if _, err := from.Get(ctx, postgresqls, namespace, name); err == nil {
		return fmt.Errorf("postgresql %s/%s has no Stanza: either it has no %s, or the operator is not running or does not watch the namespace; kubectl stanzaflow doctor looks", namespace, name, cpo.Section)
	}
	names := Names(ctx, from, namespace)
	hint := nearmiss.DidYouMean(name, names)
	const few = 8
	switch {
	case hint != "":
	case len(names) == 0:
		hint = ", which has none at all: check -n and --context"
	case len(names) <= few:
		hint = ", only " + strings.Join(names, ", ")
	}
	return fmt.Errorf("there is no Stanza %s in namespace %s%s", name, namespace, hint)
}

// Names returns the names of the clusters of a namespace, none if they cannot be read.
func Names(ctx context.Context, from Source, namespace string) []string {
	return namesOf(ctx, from, stanzas, namespace, "")
}

// RunNames returns the names of the runs of a namespace, without those of the watch, the
// newest first.
func RunNames(ctx context.Context, from Source, namespace string) []string {
	objects, err := from.List(ctx, workflows, namespace, ofCluster("")+","+vocab.LabelKind+"!="+string(vocab.RunWatch))
	if err != nil {
		return nil
	}
	all, _ := decodeAll[wfv1.Workflow](objects)
	newestFirst(all)
	names := make([]string, 0, len(all))
	for _, w := range all {
		names = append(names, w.Name)
	}
	return names
}

func namesOf(ctx context.Context, from Source, of schema.GroupVersionResource, namespace, selector string) []string {
	objects, err := from.List(ctx, of, namespace, selector)
	if err != nil {
		return nil
	}
	var names []string
	for i := range objects {
		names = append(names, objects[i].GetName())
	}
	slices.Sort(names)
	return names
}

// ofCluster selects the Workflows of a cluster, those of any if that is empty.
func ofCluster(cluster string) string {
	if cluster == "" {
		return vocab.LabelCluster
	}
	return labels.Set{vocab.LabelCluster: cluster}.String()
}

func explainGet(err error, of schema.GroupVersionResource, namespace, name string) error {
	text := unreadable(err, "get", of, namespace)
	if apierrors.IsForbidden(err) {
		text += ": ask for the ClusterRole view in that namespace, docs/kubectl.md#rights"
	}
	return fmt.Errorf("%s, so nothing is known of %s", text, name)
}

func explainList(err error, of schema.GroupVersionResource, namespace string) error {
	text := unreadable(err, "list", of, namespace)
	switch {
	case apierrors.IsForbidden(err) && namespace == "":
		text += " in all namespaces: ask for a ClusterRoleBinding with the ClusterRole view, or leave out -A"
	case apierrors.IsForbidden(err):
		text += ": ask for the ClusterRole view in that namespace, docs/kubectl.md#rights"
	case notServed(err):
		text += ": is Stanzaflow installed, and is --context the right one?"
	}
	return errors.New(text)
}

// Read reads all that is known of a cluster. Only a Stanza that cannot be read is an
// error; everything else that cannot is in Facts.Unknown.
func Read(ctx context.Context, from Source, namespace, cluster string, now time.Time) (Facts, error) {
	f := Facts{Now: now, Namespace: namespace, Cluster: cluster}
	var err error
	if f.Stanza, err = Stanza(ctx, from, namespace, cluster); err != nil {
		return f, err
	}
	f.readPostgresql(ctx, from)
	f.Template = f.presence(ctx, from, templates, workflow.TemplateName(f.Stanza.Spec))
	f.WatchTemplate = f.presence(ctx, from, templates, vocab.WatchTemplate)
	f.readCronWorkflows(ctx, from)
	f.Workflows = f.listWorkflows(ctx, from, ofCluster(cluster))
	f.Watches = f.listWorkflows(ctx, from, vocab.LabelKind+"="+string(vocab.RunWatch))
	slices.Sort(f.Unknown)
	f.Unknown = slices.Compact(f.Unknown)
	return f, nil
}

func (f *Facts) readPostgresql(ctx context.Context, from Source) {
	object, err := from.Get(ctx, postgresqls, f.Namespace, f.Cluster)
	switch {
	case apierrors.IsNotFound(err) && !notServed(err):
		f.Gone = true
	case err != nil:
		f.unknown(unreadable(err, "get", postgresqls, f.Namespace))
	default:
		cluster, _ := cpo.Decode(object.Object)
		f.Postgresql = &cluster
	}
}

func (f *Facts) presence(ctx context.Context, from Source, of schema.GroupVersionResource, name string) Presence {
	_, err := from.Get(ctx, of, f.Namespace, name)
	switch {
	case err == nil:
		return Found
	case apierrors.IsNotFound(err) && !notServed(err):
		return Missing
	}
	f.unknown(unreadable(err, "get", of, f.Namespace))
	return ""
}

func (f *Facts) readCronWorkflows(ctx context.Context, from Source) {
	objects, err := from.List(ctx, cronWorkflows, f.Namespace, "")
	if err != nil {
		f.unknown(unreadable(err, "list", cronWorkflows, f.Namespace))
		return
	}
	all, unknown := decodeAll[wfv1.CronWorkflow](objects)
	f.Unknown = append(f.Unknown, unknown...)
	f.CronWorkflows = map[string]*wfv1.CronWorkflow{}
	for _, c := range all {
		if c.Labels[vocab.LabelCluster] == f.Cluster || c.Name == vocab.WatchTemplate {
			f.CronWorkflows[c.Name] = c
		}
	}
}

func (f *Facts) listWorkflows(ctx context.Context, from Source, selector string) []*wfv1.Workflow {
	all, unknown := listWorkflows(ctx, from, f.Namespace, selector)
	f.Unknown = append(f.Unknown, unknown...)
	return all
}

// Workflows returns those of all clusters of a namespace, the newest first, and sentences
// about what could not be read.
func Workflows(ctx context.Context, from Source, namespace string) ([]*wfv1.Workflow, []string) {
	return listWorkflows(ctx, from, namespace, ofCluster(""))
}

// Watches returns the runs of the watch in a namespace, the newest first.
func Watches(ctx context.Context, from Source, namespace string) ([]*wfv1.Workflow, []string) {
	return listWorkflows(ctx, from, namespace, vocab.LabelKind+"="+string(vocab.RunWatch))
}

func listWorkflows(ctx context.Context, from Source, namespace, selector string) ([]*wfv1.Workflow, []string) {
	objects, err := from.List(ctx, workflows, namespace, selector)
	if err != nil {
		return nil, []string{unreadable(err, "list", workflows, namespace)}
	}
	all, unknown := decodeAll[wfv1.Workflow](objects)
	newestFirst(all)
	return all, unknown
}

func newestFirst(all []*wfv1.Workflow) {
	slices.SortFunc(all, func(a, b *wfv1.Workflow) int {
		if order := b.CreationTimestamp.Compare(a.CreationTimestamp.Time); order != 0 {
			return order
		}
		return strings.Compare(b.Name, a.Name)
	})
}
