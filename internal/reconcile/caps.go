// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// askedCaps is what a ConfigMap of caps said. All templates that name it share the answer.
type askedCaps struct {
	found bool
	// unknown: the operator may not ask.
	unknown bool
	slots   map[string]string
	at      time.Time
}

// again is when to ask again for a cap: soon if it has no slots.
func (a askedCaps) again(key string) time.Time {
	if !a.unknown && a.problem(key) != "" {
		return a.at.Add(askAccountMissing)
	}
	return a.at.Add(askAccountFound)
}

// observeCaps finds out whether each cap has its number of slots. Without one, Argo fails
// every run before its first pod, or lets it wait. Only a ConfigMap of our name is looked at:
// whoever writes a template must not learn from the operator what is in others.
func (c *Controller) observeCaps(ctx context.Context, namespace string, t *object.Template, caps []contract.Cap) error {
	for _, one := range caps {
		key := types.NamespacedName{Namespace: cmp.Or(one.Namespace, namespace), Name: one.Name}
		where := "ConfigMap " + key.String()
		if one.Name != vocab.CapsConfigMap {
			t.UnknownCaps = append(t.UnknownCaps, where)
			continue
		}
		asked, err := c.askCaps(ctx, key, one)
		if err != nil {
			return err
		}
		t.Wake = object.Earliest(t.Wake, asked.again(one.Key))
		switch problem := asked.problem(one.Key); {
		case asked.unknown:
			t.UnknownCaps = append(t.UnknownCaps, where)
		case problem != "":
			t.MissingCaps = append(t.MissingCaps, where+" "+problem)
		}
	}
	return nil
}

// askCaps reads a ConfigMap from the API server if its time has come.
func (c *Controller) askCaps(ctx context.Context, key types.NamespacedName, one contract.Cap) (askedCaps, error) {
	now := c.clock.Now()
	asked, ok := c.templates.recallCaps(key)
	if ok && now.Before(asked.again(one.Key)) {
		return asked, nil
	}
	configMap := &unstructured.Unstructured{}
	configMap.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	err := c.live.Get(ctx, key, configMap)
	switch {
	case err == nil:
		slots, _, _ := unstructured.NestedStringMap(configMap.Object, "data")
		asked = askedCaps{at: now, found: true, slots: slots}
	case apierrors.IsNotFound(err):
		asked = askedCaps{at: now}
	case apierrors.IsForbidden(err):
		asked = askedCaps{at: now, unknown: true}
	default:
		return askedCaps{}, fmt.Errorf("cannot read ConfigMap %s: %w", key, err)
	}
	c.templates.rememberCaps(key, asked)
	return asked, nil
}

// problem says what is wrong with a cap, empty if nothing is. A key that only a run knows
// may be right.
func (a askedCaps) problem(key string) string {
	text, has := a.slots[key]
	slots, err := strconv.Atoi(text)
	switch {
	case !a.found:
		return "does not exist"
	case key == "":
		return ""
	case !has:
		return "has no key " + key
	case err != nil || slots < 1:
		return "has no number of slots, 1 or more, in key " + key
	}
	return ""
}

func (m *templateMemory) recallCaps(key types.NamespacedName) (askedCaps, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked, ok := m.caps[key]
	return asked, ok
}

func (m *templateMemory) rememberCaps(key types.NamespacedName, asked askedCaps) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.caps[key] = asked
}
