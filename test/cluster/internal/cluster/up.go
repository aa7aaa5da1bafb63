// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/addon"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cache"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/component"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/host"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/kube"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/node"
)

// UpOptions say how a cluster is started.
type UpOptions struct {
	Fresh    bool // without any earlier state
	Untested bool // on a system that nobody has tried
}

// Up makes the cluster run: installs, builds and starts what is missing, and
// waits until it is usable.
func (c *Cluster) Up(ctx context.Context, options UpOptions) error {
	if err := requireRoot(); err != nil {
		return err
	}
	if err := c.Preflight(ctx, options.Untested); err != nil {
		return err
	}
	unlock, err := lock(ctx, c.out, c.Dirs.Cache)
	if err != nil {
		return err
	}
	defer unlock()
	unlockNode, err := lockNode(ctx, c.out, c.Dirs.Run)
	if err != nil {
		return err
	}
	defer unlockNode()

	if err := c.build(ctx); err != nil {
		return err
	}
	addons, err := c.installer(ctx)
	if err != nil {
		return err
	}

	if options.Fresh {
		if err := c.stopAndWipe(ctx); err != nil {
			return err
		}
	} else if why := c.node.Running(ctx); why == nil {
		return c.refresh(ctx, addons)
	} else if c.node.Traces() {
		c.out.Printf("cannot use the cluster that was found: %v", why)
		if err := c.out.Step("clearing it away", func() error { return c.node.Stop(ctx) }); err != nil {
			return err
		}
	}

	resuming := c.node.Resuming()
	healthy, err := c.start(ctx, addons)
	if err != nil && !healthy && resuming && ctx.Err() == nil {
		c.out.Printf("the state of the earlier run does not become healthy: %v", err)
		c.out.Printf("starting fresh; the earlier state is in %s", c.Dirs.BrokenState())
		if err := errors.Join(c.node.Stop(ctx), c.node.PutAside()); err != nil {
			return err
		}
		_, err = c.start(ctx, addons)
	}
	return err
}

// components are the programs of the cluster.
func (c *Cluster) components() []string { return append(c.images.Components(), component.Kubernetes) }

// Build builds everything that is missing and starts nothing.
func (c *Cluster) Build(ctx context.Context) error {
	if err := requireRoot(); err != nil {
		return err
	}
	unlock, err := lock(ctx, c.out, c.Dirs.Cache)
	if err != nil {
		return err
	}
	defer unlock()
	return c.build(ctx)
}

// build builds what is missing. Debian images mostly wait for downloads, so it builds
// them while the compiler runs.
func (c *Cluster) build(ctx context.Context) error {
	if err := host.EnsurePackages(ctx, c.out, c.Dirs.Log("packages"), c.set); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.programs.Ensure(gctx, c.components()...) })
	g.Go(func() error { return c.images.EnsureDebian(gctx) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := c.images.Ensure(ctx); err != nil {
		return err
	}
	// Last, when everything that this clone needs has been noted as in use.
	return cache.Prune(c.Dirs.Bin(), c.Dirs.Images(), c.Dirs.Build())
}

// start starts everything on a stopped node. It reports whether the cluster itself
// became healthy, which distinguishes a broken state from an addon that does not
// work.
func (c *Cluster) start(ctx context.Context, addons *addon.Installer) (healthy bool, err error) {
	if err := c.out.Step("starting etcd, containerd and the API server", func() error { return c.node.Start(ctx) }); err != nil {
		return false, err
	}
	since := c.node.Started()
	images := c.newImports()
	crds := make(chan error, 1)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return images.run(gctx) })
	g.Go(func() error {
		// The slowest part needs only the API server. Its error goes to whatever needs
		// the CRDs, because it says nothing about the cluster.
		crds <- c.installArgoCRDs(gctx, addons)
		return nil
	})
	g.Go(func() error {
		if err := c.startCluster(gctx, addons, images, since); err != nil {
			return err
		}
		healthy = true
		if err := <-crds; err != nil {
			return err
		}
		return c.startArgo(gctx, addons, images, since)
	})
	err = g.Wait()
	return healthy, err
}

func (c *Cluster) installArgoCRDs(ctx context.Context, addons *addon.Installer) error {
	if err := c.node.AwaitAPI(ctx); err != nil {
		return err
	}
	return addons.ArgoCRDs(ctx)
}

// startCluster brings up the node and DNS.
func (c *Cluster) startCluster(ctx context.Context, addons *addon.Installer, images *imports, since time.Time) error {
	if err := images.wait(ctx, "pause"); err != nil {
		return err
	}
	if err := c.out.Step("starting the other daemons", func() error { return c.node.StartRest(ctx) }); err != nil {
		return err
	}
	if err := images.wait(ctx, "coredns"); err != nil {
		return err
	}
	if err := addons.Base(ctx); err != nil {
		return err
	}
	return c.out.Step("waiting for the node and DNS", func() error {
		if err := kube.Retry(ctx, 3*time.Minute, func(ctx context.Context) error {
			return c.kube.NodeReady(ctx, node.Name, since)
		}); err != nil {
			return err
		}
		return addons.AwaitDNS(ctx, since)
	})
}

func (c *Cluster) startArgo(ctx context.Context, addons *addon.Installer, images *imports, since time.Time) error {
	if err := images.wait(ctx, "workflow-controller", "argoexec", "argocli", addons.Values.ArchiveImage); err != nil {
		return err
	}
	if err := addons.Argo(ctx); err != nil {
		return err
	}
	return c.out.Step("waiting for Argo", func() error { return addons.AwaitArgo(ctx, since) })
}

// refresh applies changed images and manifests to a running cluster.
func (c *Cluster) refresh(ctx context.Context, addons *addon.Installer) error {
	if err := c.newImports().run(ctx); err != nil {
		return err
	}
	for _, install := range []func(context.Context) error{addons.Base, addons.ArgoCRDs, addons.Argo} {
		if err := install(ctx); err != nil {
			return err
		}
	}
	since := c.node.Started()
	if addons.Problem(ctx, since) == nil {
		return nil
	}
	return c.out.Step("waiting for DNS and Argo", func() error {
		if err := addons.AwaitDNS(ctx, since); err != nil {
			return err
		}
		return addons.AwaitArgo(ctx, since)
	})
}
