// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package rollout brings the WorkflowTemplates, and the rights of their pods, into many
// namespaces, and says which namespaces have them.
//
//	YAML ─▶ New ─▶ Bundle ─┬▶ Plan ─▶ Apply ─▶ a Result for each namespace
//	Cluster ─▶ namespaces ─┘    └───▶ Status ─▶ a State for each namespace
//
// It promises: a person runs it with his own rights, and nothing of it is in the operator.
// It writes only objects of the bundle, only where something differs, and no field that
// another manager has set, unless it is told to. Where an object is to be changed, the API
// server is first asked about every object of the namespace, so that a refusal leaves the
// namespace as it was. The templates come last: no run starts with rights that are missing.
//
// It refuses to guess. A namespace that could not be read or written is a failure of that
// namespace, and the others continue. No value of an object is in an answer, only the
// names of fields: a bundle may have Secrets.
package rollout
