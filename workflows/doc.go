// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package workflows holds the WorkflowTemplate of a run, for tests that install it. The
// program does not import it: it reads the template that is installed.
package workflows

import _ "embed"

// Template is pgbackrest-backup.yaml.
//
//go:embed pgbackrest-backup.yaml
var Template []byte
