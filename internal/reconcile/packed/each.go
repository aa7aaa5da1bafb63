// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Each visits the objects of the kind of an example, in no order, until a visit returns an
// error, and returns that. It unpacks each object for its visit only, so that a fleet takes
// no more memory than one object. An object that changes meanwhile is visited as it was at
// the beginning. The context ends only the wait for the first list.
func (c *Cache) Each(ctx context.Context, example client.Object, visit func(client.Object) error) error {
	kept, packs := c.of(example)
	if !packs {
		return fmt.Errorf("cannot visit objects like %T: they are not packed", example)
	}
	stores, err := c.synced(ctx, kept, example)
	if err != nil {
		return err
	}
	var buffer []byte
	for _, store := range stores {
		for _, found := range store.List() {
			o := found.(*Object)
			out := o.kind.empty()
			if buffer, err = o.unpack(out, buffer); err != nil {
				return err
			}
			if err := visit(out); err != nil {
				return err
			}
		}
	}
	return nil
}
