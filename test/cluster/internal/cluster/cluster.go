// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster combines the parts: it says what `up`, `down`, `status` and the
// other commands do, and in which order.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/addon"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/component"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/host"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/image"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/kube"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/node"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/progress"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
	"github.com/stanzaflow/stanzaflow/test/cluster/manifests"
)

// Cluster is the local cluster as this clone would build and run it.
type Cluster struct {
	Dirs layout.Dirs

	set      set.Set
	source   string // of this program
	out      *progress.Printer
	programs *component.Builder
	images   *image.Builder
	node     *node.Node
	kube     *kube.Client
}

// Load reads the sources and computes the names of everything in a cluster for s. It
// builds, writes and starts nothing.
func Load(ctx context.Context, out *progress.Printer, s set.Set) (*Cluster, error) {
	if err := host.ExtendPath(); err != nil {
		return nil, err
	}
	dirs, err := layout.Find()
	if err != nil {
		return nil, err
	}
	source, err := layout.Source()
	if err != nil {
		return nil, err
	}
	c := &Cluster{Dirs: dirs, set: s, source: source, out: out, kube: kube.New(dirs)}
	if c.programs, err = component.NewBuilder(ctx, source, dirs, out); err != nil {
		return nil, err
	}
	if c.images, err = image.NewBuilder(dirs, out, c.programs, s); err != nil {
		return nil, err
	}
	kubernetes, err := c.programs.Program(component.Kubernetes)
	if err != nil {
		return nil, err
	}
	pause, err := c.image("pause")
	if err != nil {
		return nil, err
	}
	c.node, err = node.New(dirs, pause.Ref, kubernetes.Key)
	return c, err
}

// Assets builds what tests against only an API server need. It needs neither root
// nor a node.
func (c *Cluster) Assets(ctx context.Context, argo bool) error {
	unlock, err := lock(ctx, c.out, c.Dirs.Cache)
	if err != nil {
		return err
	}
	defer unlock()
	names := []string{component.Kubernetes}
	if argo {
		names = append(names, component.WorkflowController)
	}
	return c.programs.Ensure(ctx, names...)
}

// image returns the image with a name or reference. If there are several with a name it
// returns the last, as installer does.
func (c *Cluster) image(name string) (image.Tarball, error) {
	for _, t := range slices.Backward(c.images.Tarballs()) {
		if name == t.Name || name == t.Ref {
			return t, nil
		}
	}
	return image.Tarball{}, fmt.Errorf("no image %q", name)
}

// installer prepares the addons. All images must be built.
func (c *Cluster) installer(ctx context.Context) (*addon.Installer, error) {
	controller, err := c.image("workflow-controller")
	if err != nil {
		return nil, err
	}
	argo, err := c.programs.ArgoManifests(ctx, controller.Component)
	if err != nil {
		return nil, err
	}
	values := manifests.Values{
		Image: map[string]string{}, Digest: map[string]string{},
		DNSIP: node.DNSIP, Provisioner: node.Provisioner, ArgoVersion: controller.Tag,
		// Argo 4 would change the tables of the archive so that 3.7 cannot use them any more.
		Archive: c.set != set.Argo4, ArchiveImage: image.ArchiveDatabase,
	}
	for _, t := range c.images.Tarballs() {
		values.Image[t.Name] = t.Ref
		if values.Digest[t.Name], err = digest(t.Path); err != nil {
			return nil, err
		}
	}
	return &addon.Installer{
		Dirs: c.Dirs, Out: c.out, Kube: c.kube, Values: values, ArgoManifests: argo,
		ArgoSettings: filepath.Join(c.source, "..", "..", "deploy", "argo"),
	}, nil
}

// digest reads the digest of a tarball that we built, which holds one image.
func digest(tarball string) (string, error) {
	refs, err := image.ReadReferences(tarball)
	if err != nil {
		return "", err
	}
	if len(refs) != 1 {
		return "", fmt.Errorf("%s holds %d images, want 1; delete it", tarball, len(refs))
	}
	return refs[0].Digest, nil
}

// withNode runs a function on the node while nobody else starts or stops it.
func (c *Cluster) withNode(ctx context.Context, do func() error) error {
	if err := requireRoot(); err != nil {
		return err
	}
	unlock, err := lockNode(ctx, c.out, c.Dirs.Run)
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

func requireRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("this needs root, for namespaces, mounts and packages: run it with sudo -E")
	}
	return nil
}
