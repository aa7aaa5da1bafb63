// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/image"
)

// LoadImages imports image tarballs into the node's store. It skips a tarball if all
// its images are there with the same digest. An old docker archive does not contain
// its digest and is always imported.
func (c *Cluster) LoadImages(ctx context.Context, tarballs []string) error {
	if err := requireRoot(); err != nil {
		return err
	}
	have, err := c.node.Images(ctx)
	if err != nil {
		return err
	}
	for _, path := range tarballs {
		refs, err := image.ReadReferences(path)
		if err != nil {
			return err
		}
		if present(refs, have) {
			c.out.Printf("%s is already loaded", path)
			continue
		}
		if err := c.out.Step("importing "+path, func() error { return c.node.Import(ctx, path) }); err != nil {
			return err
		}
	}
	return nil
}

func present(refs []image.Reference, have map[string]string) bool {
	for _, r := range refs {
		if r.Name == "" || have[r.Name] != r.Digest {
			return false
		}
	}
	return len(refs) > 0
}
