// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"strings"

	"github.com/stanzaflow/stanzaflow/test/cluster/internal/command"
)

// Debian is a root file system made of Debian packages.
type Debian struct {
	Suite    string
	Packages []string
	// ExtractOnly only unpacks the packages: no dependencies, no shell, no package
	// scripts. It is for a static program.
	ExtractOnly bool
	// Before and After are shell lines that run with the root file system as $1,
	// before the packages are configured and at the very end.
	Before []string
	After  []string
}

// build writes the root file system as a tar. It names no mirror, so that mmdebstrap
// uses the release with its updates and security fixes; with a bare mirror it would
// leave the fixes out.
func (d Debian) build(ctx context.Context, out, log string) error {
	variant, after := "minbase", "--customize-hook="
	if d.ExtractOnly {
		// This variant ends with the extraction: later hooks never run.
		variant, after = "extract", "--extract-hook="
	}
	args := []string{
		"mmdebstrap", "--variant=" + variant, "--components=main", "--format=tar",
		"--include=" + strings.Join(d.Packages, ","),
		`--aptopt=Apt::Install-Recommends "false"`,
		// Everything that dpkg writes becomes one file at the end, so flushing each
		// file to disk would only cost time.
		"--dpkgopt=force-unsafe-io",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*",
	}
	for _, hook := range d.Before {
		args = append(args, "--essential-hook="+hook)
	}
	for _, hook := range d.After {
		args = append(args, after+hook)
	}
	if !d.ExtractOnly {
		// Nobody reads these lists and caches again, and some differ in each build.
		args = append(args, `--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/*/* "$1"/var/log/*.log "$1"/var/log/apt "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap`)
	}
	args = append(args, d.Suite, out)
	_, err := command.Cmd{
		Args: args,
		Env:  []string{"SOURCE_DATE_EPOCH=0", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"},
		Log:  log,
	}.Run(ctx)
	return err
}
