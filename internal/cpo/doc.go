// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package cpo holds the part of the CYBERTEC-PG-Operator's API that we read:
// the kind postgresql with its pgBackRest section, the labels of its pods and
// the names of its objects. We never write to that API.
//
// Four schemas of the kind are in use (the operator's own, its manifest, its
// Helm chart and the tutorials' chart) and they disagree, so decoding is
// tolerant: Decode reads what it understands, and what it does not becomes a
// FieldError that names the path. One wrong field never hides the others.
package cpo
