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
	done    map[string]chan struct{} // by reference
}

func (c *Cluster) newImports() *imports {
	i := &imports{cluster: c, done: map[string]chan struct{}{}}
	for _, t := range c.images.Tarballs() {
		i.done[t.Ref] = make(chan struct{})
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
	for _, t := range c.images.Tarballs() {
		want, err := digest(t.Path)
		if err != nil {
			return err
		}
		if have[t.Ref] != want {
			if err := c.out.Step("importing "+t.Ref, func() error { return c.node.Import(ctx, t.Path) }); err != nil {
				return err
			}
		}
		close(i.done[t.Ref])
	}
	return nil
}

// wait waits until the images with these names or references are imported.
func (i *imports) wait(ctx context.Context, names ...string) error {
	for _, name := range names {
		t, err := i.cluster.image(name)
		if err != nil {
			return err
		}
		select {
		case <-i.done[t.Ref]:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
