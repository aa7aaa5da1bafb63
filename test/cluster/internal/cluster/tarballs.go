// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"slices"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/host"
)

// Tarballs builds the named images if they are missing, and returns their files. They
// are for somebody's own cluster, so it builds no programs and installs no packages
// of the local one.
func (c *Cluster) Tarballs(ctx context.Context, refs []string) ([]string, error) {
	tarballs, err := c.images.Named(refs)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, c.out, c.Dirs.Cache)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var files, components []string
	packages := []string{"ca-certificates"}
	for _, t := range tarballs {
		files = append(files, t.Path)
		components = append(components, t.Programs()...)
		if t.Debian != nil {
			packages = append(packages, "mmdebstrap", "debian-archive-keyring")
		}
		if t.NPM != nil {
			packages = append(packages, "npm")
		}
	}
	if slices.Contains(packages, "mmdebstrap") {
		if err := requireRoot(); err != nil {
			return nil, err
		}
	}
	if err := host.EnsureNamed(ctx, c.out, c.Dirs.Log("packages"), packages); err != nil {
		return nil, err
	}
	if err := c.programs.Ensure(ctx, components...); err != nil {
		return nil, err
	}
	return files, c.images.EnsureThese(ctx, tarballs)
}
