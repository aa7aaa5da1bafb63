// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/standin"
)

// patience is how long anything may take while somebody is killed now and then.
const patience = 5 * time.Minute

// until repeats an action that may fail while somebody is away.
func (f *Fleet) until(what string, action func() error) error {
	var last error
	done, _ := wait.Try(patience, func() (bool, string) {
		last = action()
		return last == nil, ""
	})
	if !done {
		return fmt.Errorf("after %s still not %s: %w", patience, what, last)
	}
	return nil
}

// patch merges JSON into an object.
func (f *Fleet) patch(ctx context.Context, o client.Object, body string) error {
	return f.until("patched", func() error {
		return f.kit.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(body)))
	})
}

// postgresql is the resource of a cluster, without anything but its name.
func (f *Fleet) postgresql(c *cluster) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	f.name(u, c)
	return u
}

func (f *Fleet) name(u *unstructured.Unstructured, c *cluster) {
	u.SetGroupVersionKind(standin.Resource.GroupVersion().WithKind("postgresql"))
	u.SetNamespace(f.kit.Namespace)
	u.SetName(c.name)
}

func (c *cluster) cronJob() string { return "pgbackrest-" + c.name + "-repo1-incr" }

// ofCluster selects our objects of a cluster.
func ofCluster(c *cluster) client.MatchingLabels {
	return client.MatchingLabels{vocab.LabelCluster: c.name}
}
