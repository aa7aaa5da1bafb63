// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package workflows holds the WorkflowTemplates of a run, of the watch and of a drill, for
// tests that install them. The program does not import it: it reads the templates that are
// installed.
package workflows

import _ "embed"

// Template is pgbackrest-backup.yaml.
//
//go:embed pgbackrest-backup.yaml
var Template []byte

// Watch is pgbackrest-watch.yaml.
//
//go:embed pgbackrest-watch.yaml
var Watch []byte

// Drill is pgbackrest-drill.yaml.
//
//go:embed pgbackrest-drill.yaml
var Drill []byte
