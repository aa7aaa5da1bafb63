// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package argo4 holds our WorkflowTemplates and CronWorkflows against Argo 4:
// its own validation and both variants of its CRDs. test/conformance does it with
// Argo 3, whose types the operator is built with. It is a module of its own, so
// that Argo 4 stays out of the product's go.mod; all that both need has the
// product's versions and is compiled once.
package argo4
