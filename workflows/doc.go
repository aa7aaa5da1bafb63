// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package workflows holds the WorkflowTemplates of a run, of the watch and of a drill, and
// the rights of their pods: what templates apply brings into a namespace, and what tests
// install. The operator does not use them: it reads the templates that are installed.
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

// Runner is pgbackrest-runner.yaml.
//
//go:embed pgbackrest-runner.yaml
var Runner []byte

// WatchAccount is pgbackrest-watch-account.yaml.
//
//go:embed pgbackrest-watch-account.yaml
var WatchAccount []byte

// DrillAccount is pgbackrest-drill-account.yaml.
//
//go:embed pgbackrest-drill-account.yaml
var DrillAccount []byte

// Alongside is components/alongside/runner.yaml.
//
//go:embed components/alongside/runner.yaml
var Alongside []byte
