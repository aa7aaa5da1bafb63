// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
)

// imports brings our images into the node's store while other parts start. Whatever
// needs one of them waits for it, because the kubelet retries a pod with a missing
// image only after a while.
type imports struct {
	cluster *Cluster
	done    map[string]chan struct{} // by name in the image table
}

func (c *Cluster) newImports() *imports {
	i := &imports{cluster: c, done: map[string]chan struct{}{}}
	for _, t := range c.images.Tarballs() {
		if i.done[t.Name] == nil { // Several rows have the same name and different tags.
			i.done[t.Name] = make(chan struct{})
		}
	}
	return i
}

// run imports what is missing, in the order of the table: first what the cluster
// itself needs.
func (i *imports) run(ctx context.Context) error {
	c := i.cluster
	if err := c.node.AwaitContainerd(ctx); err != nil {
		return err
	}
	have, err := c.node.Images(ctx)
	if err != nil {
		return err
	}
	tarballs := c.images.Tarballs()
	for n, t := range tarballs {
		want, err := digest(t.Path)
		if err != nil {
			return err
		}
		if have[t.Ref] != want {
			if err := c.out.Step("importing "+t.Ref, func() error { return c.node.Import(ctx, t.Path) }); err != nil {
				return err
			}
		}
		if n+1 == len(tarballs) || tarballs[n+1].Name != t.Name {
			close(i.done[t.Name])
		}
	}
	return nil
}

// wait waits until the named images are imported.
func (i *imports) wait(ctx context.Context, names ...string) error {
	for _, name := range names {
		select {
		case <-i.done[name]:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
