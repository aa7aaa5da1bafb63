// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package translate turns a postgresql resource and its Stanza into the objects
// that run its backups. It is pure, total and deterministic: no clock, no client,
// no environment; every input gives a Plan; the same input gives the same bytes.
//
//	postgresql ─▶ cpo.Decode ─┐              ┌─▶ Provision: ConfigMap, Credential, RepoHost
//	Stanza.spec, status.repos ┼─▶ Translate ─┼─▶ Schedules: CronWorkflows
//	TakenLocations ───────────┤              │
//	WorkflowTemplate version ─┤              └─▶ Problems, Keep
//	Provisioner ──────────────┘
//
// Translate checks the resources (field.go, cluster.go, stanza.go, global.go,
// cipher.go, location.go), selects the repos that can be planned (repo.go) and plans the
// configuration of the PostgreSQL pods (provision.go). The rooms below it do the
// rest:
//
//	storage   what a storage means: fields, options, location, target of a run
//	repohost  the host of the repos on volumes
//	schedule  cron expression ─▶ CronWorkflow
//	manifest  names, labels and JSON form of all objects
//	problem   mistakes of the user
//
// Only with vocab.ProvisionedByUs does a Plan hold a configuration. The schedules
// are the same whoever provisions.
//
// A mistake of the user is a Problem, not an error, and never takes anything away:
// Plan.Keep names what the Problem concerns, and whoever applies the Plan leaves
// those objects as they are.
package translate
