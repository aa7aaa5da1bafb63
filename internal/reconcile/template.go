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
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/translate/workflow"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// How soon to ask again for the ServiceAccount of a template. No watch reports it: the
// operator would have to list those of all namespaces.
const (
	askAccountFound   = 10 * time.Minute
	askAccountMissing = 30 * time.Second
)

// templateMemory remembers what was found in each version of a template, so that a pass
// at rest makes no request. The cache has no more of a template than its metadata.
type templateMemory struct {
	mu       sync.Mutex
	checked  map[types.NamespacedName]checkedTemplate
	accounts map[types.NamespacedName]askedAccount
}

type checkedTemplate struct {
	version  string
	findings []string
	// image of the pods of a drill that are not PostgreSQL's, empty for another template.
	image string
	// account is the name of the ServiceAccount, empty if only a run knows it.
	account string
}

type askedAccount struct {
	found bool
	// unknown: the operator may not ask.
	unknown bool
	again   time.Time
}

func newTemplateMemory() *templateMemory {
	return &templateMemory{checked: map[types.NamespacedName]checkedTemplate{}, accounts: map[types.NamespacedName]askedAccount{}}
}

// observeTemplate reads the metadata of the template from the cache, and what was found
// in it from the memory.
func (c *Controller) observeTemplate(ctx context.Context, state *object.State) error {
	var spec stanzaflowv1alpha1.StanzaSpec
	if state.Stanza != nil {
		spec = state.Stanza.Spec
	}
	state.Template.Name = workflow.TemplateName(spec)
	key := types.NamespacedName{Namespace: state.Key.Namespace, Name: state.Template.Name}
	metadata := object.NewMetadata(object.WorkflowTemplate)
	err := c.cached.Get(ctx, key, metadata)
	switch {
	case apierrors.IsNotFound(err):
		c.templates.forget(key)
		return nil
	case err != nil:
		return fmt.Errorf("cannot read WorkflowTemplate %s: %w", state.Template.Name, err)
	}
	setTemplate(&state.Template, metadata)
	if state.Template.Contract != vocab.TemplateContract {
		return nil // it is another contract, and so has other faults
	}
	return c.observeContents(ctx, key, &state.Template, contract.Check)
}

// observeContents finds out whether a template keeps its contract, which check knows, and
// whether its pods could start.
func (c *Controller) observeContents(ctx context.Context, key types.NamespacedName, t *object.Template, check func(*wfv1.WorkflowTemplate) []string) error {
	checked, err := c.checkTemplate(ctx, key, t, check)
	if err != nil || !t.Found {
		return err
	}
	t.Findings = checked.findings
	return c.observeAccount(ctx, key.Namespace, t, checked.account)
}

func setTemplate(t *object.Template, o metav1.Object) {
	t.Found = true
	t.Version = fmt.Sprintf("%s.%d", o.GetUID(), o.GetGeneration())
	t.Contract = o.GetLabels()[vocab.LabelContract]
	if window, ok := o.GetAnnotations()[vocab.AnnotationWindow]; ok {
		t.Window = &window
	}
}

// checkTemplate reads a version of a template from the API server, once.
func (c *Controller) checkTemplate(ctx context.Context, key types.NamespacedName, t *object.Template, check func(*wfv1.WorkflowTemplate) []string) (checkedTemplate, error) {
	if checked, ok := c.templates.recall(key); ok && checked.version == t.Version {
		return checked, nil
	}
	whole := object.New(object.WorkflowTemplate)
	err := c.live.Get(ctx, key, whole)
	switch {
	case apierrors.IsNotFound(err):
		*t = object.Template{Name: key.Name} // the cache is late
		return checkedTemplate{}, nil
	case err != nil:
		return checkedTemplate{}, fmt.Errorf("cannot read WorkflowTemplate %s: %w", key.Name, err)
	}
	setTemplate(t, whole)
	checked := checkedTemplate{version: t.Version}
	template := &wfv1.WorkflowTemplate{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(whole.Object, template); err != nil {
		checked.findings = []string{"Argo cannot read it: " + object.Plain(err)}
	} else {
		checked.findings = check(template)
		if key.Name == vocab.DrillTemplate {
			checked.image = imageOf(template)
		}
		if name := template.Spec.ServiceAccountName; !strings.Contains(name, "{{") {
			checked.account = name
		}
	}
	c.templates.remember(key, checked)
	return checked, nil
}

// observeAccount finds out whether the ServiceAccount of the pods exists.
func (c *Controller) observeAccount(ctx context.Context, namespace string, t *object.Template, name string) error {
	if name == "" {
		return nil
	}
	key, now := types.NamespacedName{Namespace: namespace, Name: name}, c.clock.Now()
	asked, ok := c.templates.recallAccount(key)
	if !ok || !now.Before(asked.again) {
		account := &metav1.PartialObjectMetadata{}
		account.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceAccount"))
		err := c.live.Get(ctx, key, account)
		switch {
		case err == nil:
			asked = askedAccount{found: true, again: now.Add(askAccountFound)}
		case apierrors.IsNotFound(err):
			asked = askedAccount{again: now.Add(askAccountMissing)}
		case apierrors.IsForbidden(err):
			asked = askedAccount{unknown: true, again: now.Add(askAccountFound)}
		default:
			return fmt.Errorf("cannot read ServiceAccount %s: %w", name, err)
		}
		c.templates.rememberAccount(key, asked)
	}
	t.Wake = asked.again
	switch {
	case asked.unknown:
		t.UnknownAccount = name
	case !asked.found:
		t.MissingAccount = name
	}
	return nil
}

func (m *templateMemory) recall(key types.NamespacedName) (checkedTemplate, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	checked, ok := m.checked[key]
	return checked, ok
}

func (m *templateMemory) remember(key types.NamespacedName, checked checkedTemplate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checked[key] = checked
}

// forget drops a template that has gone, and its ServiceAccount.
func (m *templateMemory) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if checked, ok := m.checked[key]; ok {
		delete(m.accounts, types.NamespacedName{Namespace: key.Namespace, Name: checked.account})
		delete(m.checked, key)
	}
}

func (m *templateMemory) recallAccount(key types.NamespacedName) (askedAccount, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked, ok := m.accounts[key]
	return asked, ok
}

func (m *templateMemory) rememberAccount(key types.NamespacedName, asked askedAccount) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[key] = asked
}
