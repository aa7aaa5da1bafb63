// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package drill is what the operator passes to the drills of a cluster.
//
//	Stanza + StatefulSet ──▶ internal/translate/drill ──▶ ConfigMap <cluster>-pgbackrest-drill-config
//	                                                       pod: podSpecPatch ──▶ Argo
//	                                                       drills.json: Config ──▶ operator drill-step
//
// It promises: a Config that can be decoded names only what this release knows.
//
// It refuses unknown fields, targets and checks: a check that a drill leaves out because it
// does not know it would read as passed.
package drill
