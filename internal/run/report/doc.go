// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package report is what one run says of itself: the steps write it, Argo
// carries it as the output parameter vocab.OutputReport, and the operator folds
// it into the status of the Stanza. It is the only thing that passes between
// them. A run without a report has proven nothing.
package report
