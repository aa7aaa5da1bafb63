// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/cache"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/component"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/fingerprint"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/layout"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/progress"
	"github.com/stanzaflow/stanzaflow/test/cluster/internal/set"
)

// format is part of every image's key. Raise it when a change of this package's code
// changes the image of an unchanged row.
const format = "2"

// Tarball is an image of the table with everything that goes into it.
type Tarball struct {
	Image
	Ref  string // the full name
	Key  string // hash of the row and of the programs in it
	Path string // where the finished tarball is, or will be
}

// Builder builds the images of a set into the cache.
type Builder struct {
	dirs     layout.Dirs
	out      *progress.Printer
	programs *component.Builder
	tarballs []Tarball
}

// NewBuilder computes the keys of the images that a cluster for s gets.
func NewBuilder(dirs layout.Dirs, out *progress.Printer, programs *component.Builder, s set.Set) (*Builder, error) {
	b := &Builder{dirs: dirs, out: out, programs: programs}
	for _, row := range table {
		if !s.Includes(row.For) {
			continue
		}
		t, err := b.plan(row)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", row.Name, err)
		}
		b.tarballs = append(b.tarballs, t)
	}
	return b, nil
}

// Tarballs returns the images, in the order of the table.
func (b *Builder) Tarballs() []Tarball { return b.tarballs }

// Named returns the images with these full names.
func (b *Builder) Named(refs []string) ([]Tarball, error) {
	found := make([]Tarball, 0, len(refs))
	for _, ref := range refs {
		n := slices.IndexFunc(b.tarballs, func(t Tarball) bool { return t.Ref == ref })
		if n < 0 {
			return nil, fmt.Errorf("there is no image %s; README.md lists them", ref)
		}
		found = append(found, b.tarballs[n])
	}
	return found, nil
}

func (b *Builder) plan(row Image) (Tarball, error) {
	t := Tarball{Image: row}
	if row.Component != "" {
		p, err := b.programs.Program(row.Component)
		if err != nil {
			return Tarball{}, err
		}
		t.Tag = cmp.Or(t.Tag, p.Version)
	}
	t.Ref = fmt.Sprintf("%s/%s:%s", Registry, t.Name, t.Tag)

	recipe, err := json.Marshal(t.Image)
	if err != nil {
		return Tarball{}, err
	}
	parts := []string{format, runtime.GOARCH, string(recipe)}
	for _, e := range row.Entries {
		if e.Component == "" {
			continue
		}
		p, err := b.programs.Program(e.Component)
		if err != nil {
			return Tarball{}, err
		}
		parts = append(parts, p.Key)
	}
	t.Key = fingerprint.Of(parts...)
	t.Path = filepath.Join(b.dirs.Images(), fmt.Sprintf("%s-%s-%s.tar", t.Name, t.Tag, t.Key))
	return t, nil
}

// EnsureDebian builds the missing images of Debian packages. They mostly wait for
// downloads and package scripts, and need none of our programs, so they can be built
// while programs compile.
func (b *Builder) EnsureDebian(ctx context.Context) error {
	for _, t := range b.tarballs {
		if t.Debian == nil {
			continue
		}
		if err := b.ensure(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// Ensure builds all missing images. The programs in them must be built already.
func (b *Builder) Ensure(ctx context.Context) error { return b.EnsureThese(ctx, b.tarballs) }

// EnsureThese builds the given images that are missing.
func (b *Builder) EnsureThese(ctx context.Context, tarballs []Tarball) error {
	for _, t := range tarballs {
		if err := b.ensure(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) ensure(ctx context.Context, t Tarball) error {
	if there, err := cache.Touch(t.Path); there || err != nil {
		return err
	}
	log := ""
	if t.Debian != nil {
		log = b.log(t)
	}
	return b.out.LongStep("building image "+t.Ref, log, 0, func() error { return b.build(ctx, t) })
}

func (b *Builder) log(t Tarball) string { return b.dirs.Log("image-" + t.Name + "-" + t.Tag) }

func (b *Builder) build(ctx context.Context, t Tarball) error {
	t.Entries = slices.Clone(t.Entries) // The table stays unchanged.
	for i, e := range t.Entries {
		if e.Component == "" {
			continue
		}
		p, err := b.programs.Program(e.Component)
		if err != nil {
			return err
		}
		t.Entries[i].Source = p.Path
	}
	for _, dir := range []string{b.dirs.Build(), b.dirs.Images()} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
	}
	work, err := os.MkdirTemp(b.dirs.Build(), cache.Temp("image"))
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	return Build(ctx, t.Image, t.Ref, t.Path, work, b.log(t))
}

// Build builds the image of a row and writes it under a name to the file out,
// completely or not at all. It uses the directory work.
func Build(ctx context.Context, row Image, name, out, work, log string) error {
	var packages []Entry
	if row.NPM != nil {
		var err error
		if packages, err = row.NPM.install(ctx, filepath.Join(work, "npm"), log); err != nil {
			return err
		}
	}
	var layers []v1.Layer
	if row.Debian != nil {
		rootfs := filepath.Join(work, "rootfs.tar")
		if err := row.Debian.build(ctx, rootfs, log); err != nil {
			return err
		}
		l, err := openLayer(rootfs)
		if err != nil {
			return err
		}
		layers = append(layers, l)
	}
	entries := row.Entries
	if row.Accounts != nil {
		entries = append(append(minimal(row.Accounts), certificates), entries...)
	}
	if packages != nil {
		entries = append(packages, entries...)
	}
	if len(entries) > 0 {
		l, err := writeLayer(filepath.Join(work, "files.tar"), entries)
		if err != nil {
			return err
		}
		layers = append(layers, l)
	}
	img, err := assemble(row, runtime.GOARCH, layers)
	if err != nil {
		return err
	}
	return writeArchive(out, name, img)
}

// assemble returns the image object: layers and configuration, without times.
func assemble(row Image, architecture string, layers []v1.Layer) (v1.Image, error) {
	base := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	base = mutate.ConfigMediaType(base, types.OCIConfigJSON)
	img, err := mutate.AppendLayers(base, layers...)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", architecture
	file.Created = v1.Time{Time: epoch}
	env := row.Env
	if len(env) == 0 {
		env = []string{"PATH=" + defaultPath}
	}
	file.Config = v1.Config{
		User:       row.User,
		WorkingDir: cmp.Or(row.WorkDir, "/"),
		Env:        env,
		Entrypoint: row.Entrypoint,
		Cmd:        row.Command,
	}
	return mutate.ConfigFile(img, file)
}
