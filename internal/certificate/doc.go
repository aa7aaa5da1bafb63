// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package certificate issues and renews the certificates with which the repo
// host and the PostgreSQL pods of one cluster trust each other.
//
//	Secret of the operator ─▶ Decode ─▶ State ─▶ Renew ─▶ State ─┬─▶ Encode ─▶ Secret of the operator
//	                                                            └─▶ Secret ─▶ Secret of the pods
//
// The package is pure: the clock and the source of serial numbers are arguments,
// and the caller stores the State and publishes its Secret. The keys of the
// authorities never reach the Secret of the pods.
//
// Pods see a new Secret minutes after it was written, each at its own time. So a
// pod with the latest Secret and a pod with the one before it must always accept
// each other, and an authority is replaced over three renewals:
//
//	renewal 0: old is trusted and signs the leafs.
//	renewal 1: next is created and trusted as well; old signs.
//	renewal 2: next signs, trusted by every pod since 1; old is still trusted.
//	renewal 3: no pod presents a leaf of old any more; only next is trusted.
//
// A phase ends only when its leafs are due for renewal. Leafs that are replaced
// earlier, because the names have changed, stay in the phase.
package certificate
