// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package component builds the programs of the cluster from Go modules.
//
// table.go lists the programs. A program is built once per key: a hash of everything
// that goes into it (sources, go.mod, go.sum, linker flags, Go version). It is
// written beside its final name and renamed when complete, so that a file in bin/ is
// always a finished build of what its name says. Go's own cache keeps what an
// interrupted build has compiled.
package component
