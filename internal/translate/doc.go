// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package translate turns a postgresql resource and its Stanza into the
// objects that run its backups. It is pure, total and deterministic: no
// clock, no client, no environment; every input gives a Plan; the same input
// gives the same bytes.
//
//	postgresql ─▶ cpo.Decode ─┐
//	Stanza.spec ──────────────┼─▶ Translate ─▶ Plan{ConfigMap, CronWorkflows, Problems}
//	WorkflowTemplate version ─┘
//
// A mistake of the user is a Problem, not an error, and never takes anything
// away: what a Problem stands for is named in Plan.Keep, and whoever applies
// the Plan leaves those objects as they are.
package translate
