//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestLocationBelongsToOneCluster copies a cluster, and lets the original move and
// then go. The manager must wake the copy each time, because nothing else would.
func TestLocationBelongsToOneCluster(t *testing.T) {
	w := startWorld(t)
	w.create(reconciletest.Template(w.namespace))
	original := reconciletest.Postgresql(t, w.namespace)
	original.SetName("a-original")
	w.create(original)
	stop := w.startManager()
	defer stop()
	w.eventuallyAccepted("a-original", vocab.ReasonAccepted, "")

	copied := reconciletest.Postgresql(t, w.namespace)
	copied.SetName("copy")
	w.create(copied)
	w.eventuallyAccepted("copy", vocab.ReasonLocationInUse, w.namespace+"/a-original")
	if w.find(object.ConfigMap, "copy-pgbackrest-config") != nil {
		t.Error("the copy has a configuration: it would archive into the location of the original")
	}
	w.eventuallyAccepted("a-original", vocab.ReasonAccepted, "")

	w.movePath("a-original", "/elsewhere")
	w.eventuallyAccepted("copy", vocab.ReasonAccepted, "")
	w.movePath("a-original", "/shop/repo1")
	w.eventuallyAccepted("copy", vocab.ReasonLocationInUse, w.namespace+"/a-original")
	if w.find(object.ConfigMap, "copy-pgbackrest-config") == nil {
		t.Error("the configuration of the copy is gone")
	}
	w.delete(original)
	w.eventuallyAccepted("copy", vocab.ReasonAccepted, "")
}

func (w *world) movePath(cluster, path string) {
	w.Helper()
	postgresql := w.get(cpo.GroupVersionKind, cluster)
	if err := unstructured.SetNestedField(postgresql.Object, path, "spec", "backup", "pgbackrest", "global", "repo1-path"); err != nil {
		w.Fatal(err)
	}
	w.update(postgresql)
}

// eventuallyAccepted waits for the condition Accepted of a cluster with a reason
// and a text in its message.
func (w *world) eventuallyAccepted(cluster string, reason vocab.Reason, text string) {
	w.Helper()
	eventually(w.T, func() error {
		stanza := &stanzaflowv1alpha1.Stanza{}
		if err := w.client.Get(w.Context(), w.key(cluster), stanza); err != nil {
			return err
		}
		c := meta.FindStatusCondition(stanza.Status.Conditions, vocab.ConditionAccepted)
		if c == nil || c.Reason != string(reason) || !strings.Contains(c.Message, text) {
			return fmt.Errorf("%s: Accepted is %s, want reason %s", cluster, reconciletest.JSON(c), reason)
		}
		return nil
	})
}
