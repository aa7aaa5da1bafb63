// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package status reports in the Stanza what became of the backups of a cluster,
// and makes the events for what changed in it.
//
//	Pass, status before ─▶ For ─▶ status after ─▶ Transitions ─▶ events
//	Result.Changes ──────▶ Changes ───────────────────────────▶ events
//
// It is pure: it reads no clock and has no client. The pass writes what it
// returns.
//
// It promises:
//   - The same pass over the same things gives the same status, byte for byte.
//   - The status before is the only memory, so no event is sent twice, not even
//     after a restart.
//   - A message holds no time and no name that changes from run to run.
//
// It refuses:
//   - to count anything but a proven backup as a backup;
//   - to forget what earlier runs have proven.
package status
