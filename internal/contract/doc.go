// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package contract checks whether runs of a WorkflowTemplate can work and report the
// truth, before one is started.
//
//	WorkflowTemplate of a run   ─▶ Check ──────▶ findings: what is missing or wrong,
//	WorkflowTemplate of a watch ─▶ CheckWatch ─▶ a sentence each
//
// A fork of the template may change everything that no run depends on: images,
// resources, placement, deadlines, retries, onExit, further steps, and further parameters
// with a default. The contract is the rest, docs/gitops.md#contract; for the template of
// the watch docs/watch.md#contract.
//
// The package promises a finding for each of these: an entrypoint, a parameter, an output
// or a step is missing; two runs of a cluster could run at once, or one would wait for
// itself; one that waits for a slot of a cap would stop others; the operator could not find
// a run; a failed run would look green. It decides by the template alone: it reads nothing,
// and follows no templateRef. It does not do what
// Argo's own validation does.
package contract
