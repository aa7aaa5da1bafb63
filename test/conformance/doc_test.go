// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package conformance holds what we make, and what we ship as data, against the
// rules of those who have to accept it: Argo's own validation and both variants
// of its CRDs, and the structural schema of our CRD for mode standalone. It
// needs no cluster. It has tests only, so that the heavy half of Argo stays out
// of the operator.
package conformance
