// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package report is what one run says about itself.
//
//	steps ──▶ Encode ──▶ Argo: output parameter vocab.OutputReport ──▶ Decode ──▶ operator
//
// It is the only thing that a run passes to the operator, which folds it into the
// status of the Stanza. A report has a kind, and a part for that kind.
//
// It promises: one line of JSON; a report that can be decoded says how its run ended.
//
// It refuses what could read as success by a default: no result, success without a
// backup, a kind that it does not know. A run without a report has proven nothing.
package report
