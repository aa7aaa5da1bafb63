// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/component"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/host"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/preflight"
)

// Preflight prints what a start will do, and returns what would make it fail. It
// takes a second or two, and prints nothing if there is nothing to do.
func (c *Cluster) Preflight(ctx context.Context, untested bool) error {
	facts, err := c.facts(ctx)
	if err != nil {
		return err
	}
	facts.Untested = untested
	for _, line := range facts.Plan() {
		c.out.Printf("%s", line)
	}
	return facts.Problems()
}

// Disk space in bytes of Go's build cache for one program on average, of an image,
// and of the state of a cluster.
const (
	programRoom = 600e6
	imageRoom   = 150e6
	stateRoom   = 3e9
)

// imageTime is how long it takes to build the images when the programs exist.
const imageTime = time.Minute

func (c *Cluster) facts(ctx context.Context) (preflight.Facts, error) {
	goEnv, err := command.Cmd{Args: []string{"go", "env", "GOVERSION", "GOCACHE", "GOMODCACHE"}}.Run(ctx)
	if err != nil {
		return preflight.Facts{}, err
	}
	env := strings.Split(goEnv, "\n")
	if len(env) < 3 {
		return preflight.Facts{}, errors.New("unexpected output of go env: " + goEnv)
	}
	goVersion, goCache, modCache := env[0], env[1], env[2]

	programs := c.programs.Missing(c.components()...)
	f := preflight.Facts{
		Root:     os.Geteuid() == 0,
		Go:       goVersion,
		Running:  c.node.Traces(),
		Packages: host.Missing(c.set),
		Images:   c.images.Missing(),
		Work:     component.Expected(programs),
		Kernel:   host.KernelChanges(),
	}
	f.System.ID, f.System.Version, f.System.Name = host.Release()
	for _, p := range programs {
		f.Programs = append(f.Programs, p.Name)
	}
	if len(f.Images) > 0 {
		f.Work += imageTime
	}
	if f.FreeMemory, err = host.FreeMemory(); err != nil {
		return f, err
	}
	cacheNeed := int64(len(f.Images)) * imageRoom
	if !f.Running && !c.node.Resuming() {
		cacheNeed += stateRoom
	}
	for _, d := range []preflight.Disk{
		{Path: c.Dirs.Cache, Need: cacheNeed},
		{Path: goCache, Need: int64(len(programs)) * programRoom},
	} {
		if d.Free, err = host.FreeDisk(d.Path); err != nil {
			return f, err
		}
		f.Disks = append(f.Disks, d)
	}
	f.Registries = c.tryRegistries(ctx, f, programs, modCache)
	return f, nil
}

// tryRegistries tries the registries that something will be downloaded from.
func (c *Cluster) tryRegistries(ctx context.Context, f preflight.Facts, programs []component.Program, modCache string) []preflight.Registry {
	var tries []func() (string, error)
	for _, p := range programs {
		path, version := p.Source()
		if path == "" || downloaded(modCache, path, version) {
			continue
		}
		tries = append(tries, func() (string, error) { return host.TryGo(ctx, path, version) })
		break // One stands for all.
	}
	if len(f.Packages) > 0 || c.images.MissingDebian() {
		tries = append(tries, func() (string, error) { return host.TryDebian(ctx) })
	}
	results := make([]preflight.Registry, len(tries))
	var g errgroup.Group
	for i, try := range tries {
		g.Go(func() error {
			name, err := try()
			results[i] = preflight.Registry{Name: name, Err: err, TimeOut: errors.Is(err, host.ErrNoAnswer)}
			return nil
		})
	}
	_ = g.Wait() // Errors are in the results.
	return results
}

// downloaded reports whether Go's module cache has a module.
func downloaded(modCache, path, version string) bool {
	escaped, err := module.EscapePath(path)
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(modCache, "cache", "download", escaped, "@v", version+".zip"))
	return err == nil
}
