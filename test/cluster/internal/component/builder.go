// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cache"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/fingerprint"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/progress"
)

// buildFlags make Go's defaults independent of the machine: no C compiler, no paths
// of the clone in the program, no version control stamp. They also leave out debug
// data, which the linker would throw away and which takes a fifth of the compiler's
// time.
var buildFlags = []string{"CGO_ENABLED=0", "GOFLAGS=-buildvcs=false -trimpath -gcflags=all=-dwarf=false", "GOWORK=off"}

// Program is a component with everything that its build depends on.
type Program struct {
	Component
	Version string
	Key     string // hash of all inputs
	Path    string // where the finished program is, or will be

	dir     string // where to run the build
	ldflags string
}

// Builder builds the components into the cache.
type Builder struct {
	dirs     layout.Dirs
	out      *progress.Printer
	programs []Program
}

// NewBuilder reads the sources below source and computes all keys.
func NewBuilder(ctx context.Context, source string, dirs layout.Dirs, out *progress.Printer) (*Builder, error) {
	goVersion, err := command.Cmd{Args: []string{"go", "env", "GOVERSION"}, Dir: source}.Run(ctx)
	if err != nil {
		return nil, err
	}
	b := &Builder{dirs: dirs, out: out}
	for _, c := range table {
		p, err := plan(c, source, dirs, strings.TrimSpace(goVersion))
		if err != nil {
			return nil, fmt.Errorf("component %s: %w", c.Name, err)
		}
		b.programs = append(b.programs, p)
	}
	return b, nil
}

// plan computes the version, key and path of a component.
func plan(c Component, source string, dirs layout.Dirs, goVersion string) (Program, error) {
	p := Program{Component: c, dir: source, Version: "v0"}
	if p.Package == "" {
		p.Package = "."
	}

	var inputs string
	var err error
	switch {
	case c.Upstream != nil:
		p.Version = c.Upstream.Version
		inputs = c.Upstream.key()
	case c.Module != "":
		p.dir = filepath.Join(source, "components", c.Module)
		if p.Version, err = requiredVersion(filepath.Join(p.dir, "go.mod"), c.Requires); err != nil {
			return Program{}, err
		}
		inputs, err = hashTree(p.dir)
	default:
		inputs, err = hashTree(filepath.Join(source, c.Package))
	}
	if err != nil {
		return Program{}, err
	}

	flags := []string{"-s", "-w"} // No symbol table: nobody debugs these programs, and it would be a third of their size.
	if c.Stamp != nil {
		flags = append(flags, c.Stamp(p.Version)...)
	}
	p.ldflags = strings.Join(flags, " ")
	p.Key = fingerprint.Of(append([]string{inputs, p.Package, p.ldflags, goVersion, runtime.GOARCH}, buildFlags...)...)
	p.Path = filepath.Join(dirs.Bin(), fmt.Sprintf("%s-%s-%s", c.Name, strings.TrimPrefix(p.Version, "v"), p.Key))
	return p, nil
}

// Program returns one program by its component's name.
func (b *Builder) Program(name string) (Program, error) {
	for _, p := range b.programs {
		if p.Name == name {
			return p, nil
		}
	}
	return Program{}, fmt.Errorf("no component %q", name)
}

// Source returns the published module that a program is built from, if there is one.
func (p Program) Source() (path, version string) {
	if p.Upstream != nil {
		return p.Upstream.Path, p.Upstream.Version
	}
	return p.Requires, p.Version
}

// Missing returns the named programs that are not built yet.
func (b *Builder) Missing(names ...string) []Program {
	var missing []Program
	for _, p := range b.programs {
		if !slices.Contains(names, p.Name) {
			continue
		}
		if _, err := os.Stat(p.Path); err != nil {
			missing = append(missing, p)
		}
	}
	return missing
}

// Ensure builds the named programs that are missing, and points the stable links at
// them. It runs one go build after the other, because each uses all cores.
func (b *Builder) Ensure(ctx context.Context, names ...string) error {
	var there, missing []Program
	for _, p := range b.programs {
		if !slices.Contains(names, p.Name) {
			continue
		}
		switch found, err := cache.Touch(p.Path); {
		case err != nil:
			return err
		case found:
			there = append(there, p)
		default:
			missing = append(missing, p)
		}
	}
	if err := b.link(there); err != nil {
		return err
	}
	batches := batchesOf(missing, b.dirs.Build())
	if len(batches) > 1 {
		defer download(ctx, batches[1:])()
	}
	pace := 1.0
	for _, batch := range batches {
		start := time.Now()
		doing := fmt.Sprintf("building %s %s", batch.names(), batch.programs[0].Version)
		if err := b.out.LongStep(doing, b.log(batch.programs[0]), scale(batch.expected(), pace), func() error { return b.build(ctx, batch) }); err != nil {
			return err
		}
		pace = paceOf(time.Since(start), batch.expected())
		if err := b.link(batch.programs); err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) log(p Program) string { return b.dirs.Log("build-" + p.Name) }

// link points the stable links at programs.
func (b *Builder) link(programs []Program) error {
	for _, p := range programs {
		for _, link := range p.Links {
			if err := pointLink(filepath.Join(b.dirs.Bin(), link), filepath.Base(p.Path)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Builder) build(ctx context.Context, batch *batch) error {
	dir, err := batch.source(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.dirs.Bin(), 0o750); err != nil {
		return err
	}
	// Build in the directory of the programs, so that the last step is a rename.
	temp, err := os.MkdirTemp(b.dirs.Bin(), cache.Temp("build"))
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	memory, err := compilerMemory()
	if err != nil {
		return err
	}
	args := []string{"go", "build", "-ldflags", batch.programs[0].ldflags, "-o", temp + "/"}
	if _, err := (command.Cmd{
		Args: append(args, batch.packages()...),
		Dir:  dir,
		Env:  append(memory, buildFlags...),
		Log:  b.log(batch.programs[0]),
	}).Run(ctx); err != nil {
		return err
	}
	for _, p := range batch.programs {
		if err := os.Rename(filepath.Join(temp, p.output()), p.Path); err != nil {
			return err
		}
	}
	return nil
}

// ArgoManifests returns the directory of Argo's own manifests, of the release
// that a component is built from.
func (b *Builder) ArgoManifests(ctx context.Context, name string) (string, error) {
	p, err := b.Program(name)
	if err != nil {
		return "", err
	}
	dir, err := p.Upstream.ensure(ctx, b.dirs.Build())
	return filepath.Join(dir, "manifests"), err
}

// pointLink makes link point to target atomically.
func pointLink(link, target string) error {
	if old, err := os.Readlink(link); err == nil && old == target {
		return nil
	}
	temp := cache.Temp(link)
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, temp); err != nil {
		return err
	}
	return os.Rename(temp, link)
}
