// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package argo4 checks our WorkflowTemplates and CronWorkflows against Argo 4: its
// own validation and both variants of its CRDs. test/conformance does the same with
// Argo 3, whose types the operator is built with. This is a separate module, so that
// Argo 4 stays out of the product's go.mod. Shared dependencies have the product's
// versions and are compiled once.
package argo4
