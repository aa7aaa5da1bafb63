// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"os"
	"slices"
)

// Missing returns the names of the images that are not built yet.
func (b *Builder) Missing() []string {
	var names []string
	for _, t := range b.tarballs {
		if _, err := os.Stat(t.Path); err != nil {
			names = append(names, t.Name)
		}
	}
	return names
}

// MissingDebian reports whether an image of Debian packages is not built yet.
func (b *Builder) MissingDebian() bool {
	return slices.ContainsFunc(b.tarballs, func(t Tarball) bool {
		_, err := os.Stat(t.Path)
		return t.Debian != nil && err != nil
	})
}

// Components returns the names of the programs that go into the images.
func (b *Builder) Components() []string {
	var names []string
	for _, t := range b.tarballs {
		names = append(names, t.Programs()...)
	}
	return names
}

// Programs returns the names of the programs that go into an image.
func (t Tarball) Programs() []string {
	var names []string
	for _, e := range t.Entries {
		if e.Component != "" {
			names = append(names, e.Component)
		}
	}
	return names
}
