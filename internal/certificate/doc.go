// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package certificate issues and renews the certificates with which the repo
// host and the PostgreSQL pods of one cluster trust each other. It is pure: the
// clock and the source of serial numbers are arguments, and whoever calls it
// stores the State and hands out its Secret.
//
// Pods take up a Secret minutes after it was written, each at its own time. So
// at every moment a pod with the last Secret and one with the Secret before it
// must accept each other, and an authority is replaced over three renewals:
//
//	renewal 0: old is trusted and signs the leafs.
//	renewal 1: next is made and trusted, too; old signs.
//	renewal 2: next signs, which every pod trusts since 1; old is still trusted.
//	renewal 3: nobody shows a leaf of old any more; only next is trusted.
//
// A phase follows the other only when the leafs have come to their time; leafs
// that are replaced out of turn, for other names, stay in the phase.
package certificate
