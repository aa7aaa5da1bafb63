// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package component

import (
	"context"
	"path"
	"strings"
	"sync"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

// batch is a set of programs that one go build builds from the same sources, so that
// it loads their packages once and links them side by side.
type batch struct {
	programs []Program
	source   func(context.Context) (dir string, err error)
}

// batchesOf groups programs that follow each other in the table.
func batchesOf(programs []Program, buildDir string) []*batch {
	var all []*batch
	for _, p := range programs {
		if n := len(all); n > 0 {
			if last := all[n-1].programs[0]; last.dir == p.dir && last.Upstream == p.Upstream && last.ldflags == p.ldflags {
				all[n-1].programs = append(all[n-1].programs, p)
				continue
			}
		}
		all = append(all, &batch{programs: []Program{p}, source: sourceOf(p, buildDir)})
	}
	return all
}

// sourceOf returns a function that creates the directory of a program's sources once.
func sourceOf(p Program, buildDir string) func(context.Context) (string, error) {
	var once sync.Once
	dir, err := p.dir, error(nil)
	return func(ctx context.Context) (string, error) {
		if p.Upstream != nil {
			once.Do(func() { dir, err = p.Upstream.ensure(ctx, buildDir) })
		}
		return dir, err
	}
}

func (b *batch) names() string {
	var names []string
	for _, p := range b.programs {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

func (b *batch) packages() []string {
	var packages []string
	for _, p := range b.programs {
		packages = append(packages, p.Package)
	}
	return packages
}

// output returns the name that go build gives to the program.
func (p Program) output() string {
	if p.Package == "." {
		return path.Base(p.Module)
	}
	return path.Base(p.Package)
}

// download lets Go fetch the modules of all batches while something else compiles,
// because it mostly waits. If it fails, the build that needs the module reports it.
// The returned function ends it.
func download(ctx context.Context, batches []*batch) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, b := range batches {
		wg.Go(func() {
			dir, err := b.source(ctx)
			if err != nil {
				return
			}
			_, _ = command.Cmd{Args: append([]string{"go", "list", "-deps", "-f", "{{/* nothing */}}"}, b.packages()...), Dir: dir, Env: buildFlags}.Run(ctx)
		})
	}
	return func() {
		cancel()
		wg.Wait()
	}
}
