// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package conformance checks the objects that we make, and the manifests that we
// ship, against the rules of those who must accept them: Argo's own validation, both
// variants of its CRDs, and the structural schema of our CRD for mode standalone. It
// needs no cluster. It has only tests, so that the heavy half of Argo stays out of
// the operator.
package conformance
