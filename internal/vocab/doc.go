// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package vocab spells every name that leaves the process exactly once:
// conditions and reasons, labels and annotations, parameters of the
// WorkflowTemplate. It imports nothing of ours.
package vocab
