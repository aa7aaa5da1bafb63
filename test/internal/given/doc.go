// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package given reads what tests check against the rules of others: the
// WorkflowTemplates that we ship and the CronWorkflows in the goldens of
// internal/translate, as untyped objects, and the schemas of CRDs. It depends on no
// release of Argo, so that the tests of each can use it.
package given
