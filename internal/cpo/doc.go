// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package cpo holds the part of the CYBERTEC-PG-Operator's API that we read:
// the kind postgresql with its pgBackRest section, the labels of its pods and
// the names of its objects. We never write to that API.
//
//	postgresql, as JSON ─▶ Decode ─▶ Postgresql, []FieldError
//	                       BackupDigest ─▶ the digest of spec.backup
//	CronJob ─▶ DecodeCronJob ─▶ CronJob ─▶ Makes: whether a slot is CPO's
//	                       ClaimOn ─▶ whether CPO manages it
//	OperatorConfiguration ─▶ DecodeOperatorConfiguration ─▶ Labels
//
// Four schemas of the kind are in use (the operator's own, its manifest, its
// Helm chart and the tutorials' chart) and they disagree. So Decode is tolerant:
// it reads what it understands, and each other field becomes a FieldError that
// names its path. One wrong field never hides the others.
package cpo
