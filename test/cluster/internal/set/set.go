// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package set says which images and packages a cluster gets: a cluster for the demo is
// ready minutes sooner than one with every object store.
package set

import (
	"fmt"
	"slices"
	"strings"
)

// Set is what a cluster is for. A row of a table names the one set that it belongs to.
// Every cluster needs what the demo needs; something that few people ask for has its
// own set.
type Set string

// The sets.
const (
	Demo  Set = "demo"  // the cluster itself and what make demo uses
	All   Set = "all"   // also what the tests use
	Argo4 Set = "argo4" // the demo's, with Argo 4 instead of 3.7
)

// Sets lists all sets.
var Sets = []Set{Demo, All, Argo4}

// Includes reports whether a cluster for s gets a row.
func (s Set) Includes(row Set) bool { return row == Demo || row == s }

// String, Set and Type implement a flag.
func (s *Set) String() string { return string(*s) }

// Set reads a name.
func (s *Set) Set(name string) error {
	if !slices.Contains(Sets, Set(name)) {
		return fmt.Errorf("want one of: %s", Names())
	}
	*s = Set(name)
	return nil
}

// Type names the values in the help text.
func (s *Set) Type() string { return "set" }

// Names lists the sets for a message.
func Names() string {
	names := make([]string, 0, len(Sets))
	for _, s := range Sets {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}
