// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package translate turns a postgresql resource and its Stanza into the
// objects that run its backups. It is pure, total and deterministic: no
// clock, no client, no environment; every input gives a Plan; the same input
// gives the same bytes.
//
//	postgresql ─▶ cpo.Decode ─┐
//	Stanza.spec, status.repos ┼─▶ Translate ─▶ Plan{ConfigMap, RepoHost, Credential, CronWorkflows, Problems}
//	WorkflowTemplate version ─┘
//
// One file for each storage (s3.go, azure.go, gcs.go, volume.go) says what its
// fields mean; global.go what spec.global may say; config.go and repohost.go
// write the two configurations of pgBackRest, and repohost_*.go what runs it.
//
// A mistake of the user is a Problem, not an error, and never takes anything
// away: what a Problem stands for is named in Plan.Keep, and whoever applies
// the Plan leaves those objects as they are.
package translate
