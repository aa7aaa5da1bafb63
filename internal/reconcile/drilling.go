// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/translate/drill"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// How soon to ask again for what no watch reports: the StatefulSet of PostgreSQL, which is
// not ours, and a StorageClass.
const (
	askAgain   = 10 * time.Minute
	askMissing = 30 * time.Second
)

// drillMemory remembers what was found for the drills, so that a pass at rest makes no
// request.
type drillMemory struct {
	mu      sync.Mutex
	sources map[types.NamespacedName]foundSource
	classes map[string]foundClass
}

type foundSource struct {
	source *drill.Source
	// forbidden: the operator may not ask.
	forbidden bool
	again     time.Time
}

type foundClass struct {
	// retains: a volume that is deleted stays.
	retains, forbidden bool
	again              time.Time
}

func newDrillMemory() *drillMemory {
	return &drillMemory{sources: map[types.NamespacedName]foundSource{}, classes: map[string]foundClass{}}
}

// observeDrill reads what the drills of a cluster depend on, if its Stanza asks for any.
func (c *Controller) observeDrill(ctx context.Context, state *object.State) error {
	state.Drill = object.Drill{Template: object.Template{Name: vocab.DrillTemplate}, Observed: drill.Observed{SourceUnknown: true}}
	if state.Stanza == nil || state.Postgresql == nil || !drill.Asked(state.Stanza.Spec) {
		c.drills.forget(state.Key)
		return nil
	}
	state.Drill.Observed.DatabaseBytes = databaseBytes(state.Stanza.Status)
	if err := c.observeSource(ctx, state); err != nil {
		return err
	}
	err := c.observeDrillTemplate(ctx, state)
	if meta.IsNoMatchError(err) {
		return nil // Argo is not installed, and the status says so.
	}
	return err
}

// databaseBytes is the size of the database in its newest proven backup, 0 without one.
func databaseBytes(status stanzaflowv1alpha1.StanzaStatus) int64 {
	if status.LastBackup == nil {
		return 0
	}
	return status.LastBackup.DatabaseBytes
}

func (c *Controller) observeDrillTemplate(ctx context.Context, state *object.State) error {
	template := &state.Drill.Template
	key, metadata := types.NamespacedName{Namespace: state.Key.Namespace, Name: vocab.DrillTemplate}, object.NewMetadata(object.WorkflowTemplate)
	err := c.cached.Get(ctx, key, metadata)
	switch {
	case apierrors.IsNotFound(err):
		c.templates.forget(key)
		return nil
	case err != nil:
		return fmt.Errorf("cannot read WorkflowTemplate %s: %w", vocab.DrillTemplate, err)
	}
	setTemplate(template, metadata)
	if template.Contract != vocab.DrillContract {
		return nil
	}
	if err := c.observeContents(ctx, key, template, checkDrill); err != nil || !template.Found {
		return err
	}
	checked, _ := c.templates.recall(key)
	state.Drill.Observed.Image, state.Drill.Observed.TemplateVersion = checked.image, template.Version
	state.Drill.Wake = object.Earliest(state.Drill.Wake, template.Wake)
	return nil
}

// checkDrill finds what is wrong in the template of the drills.
func checkDrill(template *wfv1.WorkflowTemplate) []string {
	findings := contract.CheckDrill(template)
	if imageOf(template) == "" {
		findings = append(findings, "no container has an image, from which the program in the pod that restores would come")
	}
	return findings
}

// imageOf returns the image of the operator in the template of the drills: so the program
// in the pod of PostgreSQL is the one that has made the plan, from the registry of the user.
func imageOf(template *wfv1.WorkflowTemplate) string {
	for i := range template.Spec.Templates {
		if container := template.Spec.Templates[i].Container; container != nil && container.Image != "" && !strings.Contains(container.Image, "{{") {
			return container.Image
		}
	}
	return ""
}

// observeSource reads the StatefulSet of PostgreSQL, which is not in the cache.
func (c *Controller) observeSource(ctx context.Context, state *object.State) error {
	now := c.clock.Now()
	found, ok := c.drills.source(state.Key)
	if !ok || !now.Before(found.again) {
		set := &appsv1.StatefulSet{}
		err := c.readLive(ctx, state.Key, object.StatefulSet, set)
		switch {
		case err == nil:
			found = foundSource{source: drill.SourceOf(set), again: now.Add(askAgain)}
		case apierrors.IsNotFound(err):
			found = foundSource{again: now.Add(askMissing)}
		case apierrors.IsForbidden(err):
			found = foundSource{forbidden: true, again: now.Add(askAgain)}
		default:
			return fmt.Errorf("cannot read StatefulSet %s: %w", state.Key.Name, err)
		}
		c.drills.keepSource(state.Key, found)
	}
	state.Drill.Observed.Source, state.Drill.Observed.SourceUnknown = found.source, found.forbidden
	state.Drill.Wake = object.Earliest(state.Drill.Wake, found.again)
	if found.forbidden {
		state.Drill.Forbidden = append(state.Drill.Forbidden, "StatefulSet "+state.Key.Name)
	}
	return nil
}

// observeClass finds out whether the volumes of the drills stay when they are deleted. What
// the operator cannot find out is no reason not to drill.
func (c *Controller) observeClass(ctx context.Context, state *object.State, name string) {
	if name == "" {
		return // That is the default of the Kubernetes cluster, or there is no drill.
	}
	now := c.clock.Now()
	found, ok := c.drills.class(name)
	if !ok || !now.Before(found.again) {
		class := &storagev1.StorageClass{}
		err := c.readLive(ctx, types.NamespacedName{Name: name}, storagev1.SchemeGroupVersion.WithKind("StorageClass"), class)
		found = foundClass{
			retains:   err == nil && class.ReclaimPolicy != nil && *class.ReclaimPolicy == corev1.PersistentVolumeReclaimRetain,
			forbidden: apierrors.IsForbidden(err), again: now.Add(askAgain),
		}
		c.drills.keepClass(name, found)
	}
	if found.retains {
		state.Drill.Retained = name
	}
	if found.forbidden {
		state.Drill.Forbidden = append(state.Drill.Forbidden, "StorageClass "+name)
	}
}

// readLive reads an object of a kind that is not in the scheme of the manager.
func (c *Controller) readLive(ctx context.Context, key types.NamespacedName, kind schema.GroupVersionKind, into any) error {
	there := object.New(kind)
	if err := c.live.Get(ctx, key, there); err != nil {
		return err
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(there.Object, into)
}

func (m *drillMemory) source(key types.NamespacedName) (foundSource, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.sources[key]
	return found, ok
}

func (m *drillMemory) keepSource(key types.NamespacedName, found foundSource) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sources[key] = found
}

func (m *drillMemory) class(name string) (foundClass, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.classes[name]
	return found, ok
}

func (m *drillMemory) keepClass(name string, found foundClass) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.classes[name] = found
}

func (m *drillMemory) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sources, key)
}
