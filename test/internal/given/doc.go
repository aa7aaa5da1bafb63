// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package given reads what is to be held against the rules of others: the
// WorkflowTemplates that we ship, the CronWorkflows that the goldens of
// internal/translate have, as objects of no type, and the schemas of CRDs. It
// knows no release of Argo, so that the tests of each can use it.
package given
