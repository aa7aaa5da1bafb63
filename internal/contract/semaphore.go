// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// Cap is a semaphore of a template: a key of a ConfigMap that says how many may hold it.
type Cap struct {
	// Namespace of the ConfigMap, empty for that of the run.
	Namespace string
	Name      string
	// Key is empty if only a run knows it.
	Key string
}

// Caps are the semaphores of a template that Argo looks up in ConfigMaps, each once, in the
// order of the templates. Those of which only a run knows the ConfigMap are missing.
func Caps(template *wfv1.WorkflowTemplate) []Cap {
	var caps []Cap
	for i := range template.Spec.Templates {
		for _, ref := range semaphoresOf(template.Spec.Templates[i].Synchronization) {
			if ref.ConfigMapKeyRef == nil || isTemplated(ref.Namespace) || isTemplated(ref.ConfigMapKeyRef.Name) {
				continue
			}
			one := Cap{Namespace: ref.Namespace, Name: ref.ConfigMapKeyRef.Name, Key: ref.ConfigMapKeyRef.Key}
			if isTemplated(one.Key) {
				one.Key = ""
			}
			if !slices.Contains(caps, one) {
				caps = append(caps, one)
			}
		}
	}
	return caps
}

func isTemplated(text string) bool { return strings.Contains(text, "{{") }

// semaphoresOf also returns the one in the older field.
func semaphoresOf(s *wfv1.Synchronization) []*wfv1.SemaphoreRef {
	if s == nil {
		return nil
	}
	return slices.DeleteFunc(append(slices.Clone(s.Semaphores), s.Semaphore), func(ref *wfv1.SemaphoreRef) bool { return ref == nil })
}

// capName names a semaphore as the status of a run does.
func capName(ref *wfv1.SemaphoreRef) string {
	switch {
	case ref.ConfigMapKeyRef != nil:
		return "cap " + ref.ConfigMapKeyRef.Key + " of ConfigMap " + strings.TrimPrefix(ref.Namespace+"/", "/") + ref.ConfigMapKeyRef.Name
	case ref.Database != nil:
		return "cap " + ref.Database.Key + " of the database"
	}
	return "a semaphore without a name"
}

// checkSemaphores checks that a run which waits for a slot is in nobody's way. Argo lets only
// the head of a queue through, and a run that is terminated while it waits before its first
// template is Succeeded.
func (c *check) checkSemaphores() {
	for _, ref := range semaphoresOf(c.spec.Synchronization) {
		c.find("spec.synchronization has %s: a run that is terminated while it waits would be Succeeded; a template below the mutex may have it", capName(ref))
	}
	if defaults := c.spec.TemplateDefaults; defaults != nil && defaults.Synchronization != nil {
		c.find("spec.templateDefaults has synchronization: every template of a run would wait for the one around it")
	}
	for i := range c.spec.Templates {
		c.checkSlots(&c.spec.Templates[i])
	}
}

func (c *check) checkSlots(template *wfv1.Template) {
	slots := semaphoresOf(template.Synchronization)
	if len(slots) == 0 {
		return
	}
	if locks := len(slots) + mutexesIn(template.Synchronization); locks > 1 {
		c.find("template %s has %s and another lock in one block: a run that waits for one would stop all runs that wait for the other; nest them", template.Name, capName(slots[0]))
		return
	}
	name := capName(slots[0])
	for _, next := range c.reachedFrom(template) {
		if holdsMutex(next.Synchronization) {
			c.find("template %s has %s above template %s with mutex %s: a run that waits for its cluster would hold a slot; the cap belongs below the mutex", template.Name, name, next.Name, mutex)
		}
		if slices.ContainsFunc(semaphoresOf(next.Synchronization), func(ref *wfv1.SemaphoreRef) bool { return c.sameLock(ref, slots[0]) }) {
			c.find("templates %s and %s both have %s: the run would wait for itself", template.Name, next.Name, name)
		}
	}
}

// sameLock reports whether two semaphores are one to Argo, for which an empty namespace is that
// of the run, which is that of the template. Without one we do not know it: then an empty
// namespace may be any, and a run that waits for itself is worse than a refused template.
func (c *check) sameLock(a, b *wfv1.SemaphoreRef) bool {
	first, second := c.namespaceOf(a), c.namespaceOf(b)
	if first != second && first != "" && second != "" {
		return false
	}
	switch {
	case a.ConfigMapKeyRef != nil && b.ConfigMapKeyRef != nil:
		return a.ConfigMapKeyRef.Name == b.ConfigMapKeyRef.Name && a.ConfigMapKeyRef.Key == b.ConfigMapKeyRef.Key
	case a.Database != nil && b.Database != nil:
		return a.Database.Key == b.Database.Key
	}
	return false
}

// namespaceOf is empty if only a run knows it.
func (c *check) namespaceOf(ref *wfv1.SemaphoreRef) string {
	switch strings.NewReplacer("{{ ", "{{", " }}", "}}").Replace(ref.Namespace) {
	case "", "{{workflow.namespace}}":
		return c.namespace
	}
	return ref.Namespace
}

func mutexesIn(s *wfv1.Synchronization) int {
	count := len(s.Mutexes)
	if s.Mutex != nil {
		count++
	}
	return count
}

// reachedFrom returns the templates below a template, each once.
func (c *check) reachedFrom(template *wfv1.Template) []*wfv1.Template {
	var all []*wfv1.Template
	seen := map[string]bool{template.Name: true}
	for next := []*wfv1.Template{template}; len(next) > 0; next = next[1:] {
		for _, below := range c.below(next[0]) {
			if !seen[below.Name] {
				seen[below.Name] = true
				all, next = append(all, below), append(next, below)
			}
		}
	}
	return all
}
