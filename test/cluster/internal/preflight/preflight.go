// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package preflight says before a start what would make it fail, what it would
// change on the machine, and how long it would take.
package preflight

import (
	"errors"
	"fmt"
	"go/version"
	"slices"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/progress"
)

// Facts describes the machine and the work to do.
type Facts struct {
	Root     bool
	System   System
	Untested bool   // the person accepts a system that nobody has tried
	Go       string // like go1.26.0

	Running  bool     // there is a cluster on this machine, or the rest of one
	Packages []string // Debian packages to install
	Programs []string // programs to compile
	Images   []string // images to build
	Work     time.Duration
	Kernel   []string // settings that change

	FreeMemory int64
	Disks      []Disk
	Registries []Registry
}

// System is the content of /etc/os-release.
type System struct{ ID, Version, Name string }

// Disk is a directory that grows.
type Disk struct {
	Path       string
	Free, Need int64
}

// Registry is a registry that something must be downloaded from, and the result of a
// short try.
type Registry struct {
	Name    string // for the message: what it is and where it is set
	Err     error
	TimeOut bool // no answer in time, which proves nothing
}

// What has been tried. The oldest Go version that compiles everything is in the
// go.mod files.
var tested = []System{{ID: "debian", Version: "12"}}

const (
	firstGo = "go1.26"
	nextGo  = "go1.27" // the first version that nobody has tried

	// The API server, etcd, the kubelet and a few pods.
	memoryToRun = 2 << 30
	// Two compilers and, later, the linker of the largest program.
	memoryToCompile = 3 << 30
)

// Problems returns what would make a start fail, a sentence each.
func (f Facts) Problems() error {
	var all []error
	problem := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	problem(!f.Root, "this needs root, for namespaces, mounts and packages: run it with sudo -E")
	problem(!f.systemTested() && !f.Untested, "this is %s, and only Debian 12 has been tried: UNTESTED=1 (--untested) tries it anyway", f.System.Name)
	problem(version.Compare(f.Go, firstGo) < 0, "Go is %s, and %s or later is needed", f.Go, firstGo)
	switch {
	case len(f.Programs) > 0:
		problem(f.FreeMemory < memoryToCompile, "%s of memory are free, and compiling needs %s", size(f.FreeMemory), size(memoryToCompile))
	case !f.Running:
		problem(f.FreeMemory < memoryToRun, "%s of memory are free, and the cluster needs %s", size(f.FreeMemory), size(memoryToRun))
	}
	for _, d := range f.Disks {
		problem(d.Free < d.Need, "%s are free below %s, and about %s are needed", size(d.Free), d.Path, size(d.Need))
	}
	for _, r := range f.Registries {
		problem(r.Err != nil && !r.TimeOut, "%s cannot be used: %w", r.Name, r.Err)
	}
	return errors.Join(all...)
}

// Plan returns what a start would do before the cluster starts, and what may go
// wrong. It is empty if there is nothing to do.
func (f Facts) Plan() []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if len(f.Packages) > 0 {
		say("will install Debian packages: %s", strings.Join(f.Packages, " "))
	}
	if len(f.Programs)+len(f.Images) > 0 {
		say("will build, which takes about %s (an estimate): %s", progress.About(f.Work), strings.Join(slices.Concat(f.Programs, imagesOf(f.Images)), ", "))
	}
	if len(f.Kernel) > 0 && !f.Running {
		say("will change kernel settings until the machine starts again: %s", strings.Join(f.Kernel, ", "))
	}
	if f.Untested && !f.systemTested() {
		say("warning: %s has not been tried", f.System.Name)
	}
	if version.Compare(f.Go, nextGo) >= 0 {
		say("warning: %s has not been tried, only %s", f.Go, firstGo)
	}
	for _, r := range f.Registries {
		if r.TimeOut {
			say("warning: %s does not answer quickly: %v", r.Name, r.Err)
		}
	}
	return lines
}

func (f Facts) systemTested() bool {
	return slices.ContainsFunc(tested, func(s System) bool { return s.ID == f.System.ID && s.Version == f.System.Version })
}

func imagesOf(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return []string{"images of " + strings.Join(names, ", ")}
}

func size(bytes int64) string { return fmt.Sprintf("%.1f GB", float64(bytes)/1e9) }
