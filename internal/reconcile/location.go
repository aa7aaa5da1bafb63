// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/packed"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

// locations finds the postgresqls that ask for a location of backups.
type locations interface {
	at(ctx context.Context, key string) ([]unstructured.Unstructured, error)
}

// queue is the queue of the controller.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// indexLocation is the index of the postgresqls by the locations that they ask
// for. With it a pass costs the same in a fleet of any size.
const indexLocation = "location"

// indexed finds them by that index of the cache.
type indexed struct{ cached client.Reader }

func newIndexed(ctx context.Context, mgr ctrl.Manager, cached client.Reader) (indexed, error) {
	err := mgr.GetFieldIndexer().IndexField(ctx, object.New(cpo.GroupVersionKind), indexLocation, locationKeys)
	if err != nil {
		return indexed{}, fmt.Errorf("cannot index the locations of backups: %w", err)
	}
	return indexed{cached}, nil
}

func (i indexed) at(ctx context.Context, key string) ([]unstructured.Unstructured, error) {
	list := object.NewList(cpo.GroupVersionKind)
	if err := i.cached.List(ctx, list, client.MatchingFields{indexLocation: key}); err != nil {
		return nil, fmt.Errorf("cannot list the postgresqls that back up to one location: %w", err)
	}
	return list.Items, nil
}

// locationKeys are the locations that a postgresql asks for. One that is being
// deleted gives them up.
func locationKeys(o client.Object) []string {
	postgresql, ok := packed.Open(o).(*unstructured.Unstructured)
	if !ok || postgresql.GetDeletionTimestamp() != nil {
		return nil
	}
	cluster, _ := cpo.Decode(postgresql.Object)
	return translate.LocationKeys(cluster)
}

// observeLocations finds which locations of the cluster others had first.
func (c *Controller) observeLocations(ctx context.Context, state *object.State) error {
	if state.Postgresql == nil {
		return nil
	}
	others, err := c.rivals(ctx, state.Postgresql)
	if err != nil || len(others) == 0 {
		return err
	}
	claimants := make([]translate.Claimant, 0, len(others))
	for i := range others {
		stanza := &stanzaflowv1alpha1.Stanza{}
		if _, err := c.find(ctx, "Stanza", client.ObjectKeyFromObject(&others[i]), stanza); err != nil {
			return err
		}
		claimants = append(claimants, claimant(&others[i], stanza))
	}
	state.Taken = translate.TakenLocations(claimant(state.Postgresql, state.Stanza), claimants)
	return nil
}

func claimant(postgresql *unstructured.Unstructured, stanza *stanzaflowv1alpha1.Stanza) translate.Claimant {
	cluster, _ := cpo.Decode(postgresql.Object)
	claimant := translate.Claimant{Cluster: cluster, Created: postgresql.GetCreationTimestamp().Time}
	if stanza != nil {
		claimant.Known = stanza.Status.Repos
	}
	return claimant
}

// rivals are the other postgresqls that ask for a location of this one, each once.
func (c *Controller) rivals(ctx context.Context, postgresql client.Object) ([]unstructured.Unstructured, error) {
	seen := map[types.NamespacedName]bool{client.ObjectKeyFromObject(postgresql): true}
	var rivals []unstructured.Unstructured
	for _, key := range locationKeys(postgresql) {
		found, err := c.locations.at(ctx, key)
		if err != nil {
			return nil, err
		}
		for i := range found {
			if name := client.ObjectKeyFromObject(&found[i]); !seen[name] {
				seen[name] = true
				rivals = append(rivals, found[i])
			}
		}
	}
	return rivals, nil
}

// wakeRivals wakes the clusters that ask for a location when another one begins or
// ceases to ask for it: who has it may be another one then.
func (c *Controller) wakeRivals() handler.EventHandler {
	wake := func(ctx context.Context, postgresql client.Object, queue queue) {
		// One that is being deleted asks for nothing, and others may wait for it.
		postgresql = packed.Open(postgresql).DeepCopyObject().(client.Object)
		postgresql.SetDeletionTimestamp(nil)
		rivals, err := c.rivals(ctx, postgresql)
		if err != nil {
			log.FromContext(ctx).Error(err, "Cannot wake the clusters that back up to the same location")
		}
		for i := range rivals {
			queue.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&rivals[i])})
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { wake(ctx, e.Object, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { wake(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			if !slices.Equal(locationKeys(e.ObjectOld), locationKeys(e.ObjectNew)) {
				wake(ctx, e.ObjectOld, q)
				wake(ctx, e.ObjectNew, q)
			}
		},
	}
}
