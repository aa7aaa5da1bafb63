// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package vocab

// Reasons of the event that a run leaves at its Workflow when it was stopped or
// ran out of time. They say what became of its backup.
const (
	EventBackupEnded       = "BackupEnded"
	EventBackupNotEnded    = "BackupNotEnded"
	EventBackupNotVerified = "BackupNotVerified"
	EventBackupProven      = "BackupProven"
	EventNoBackup          = "NoBackup"
)

// EndingEvents are all of these reasons.
var EndingEvents = []string{EventBackupEnded, EventBackupNotEnded, EventBackupNotVerified, EventBackupProven, EventNoBackup}

// What became of the retention of a run, in its output parameter and in the
// status of the Stanza.
const (
	RetentionSucceeded = "Succeeded"
	RetentionFailed    = "Failed"
)

// What the plan of a restore says, in the output parameter OutputResult of RunRestorePlan.
const (
	// PlanReachable: all WAL is there, up to a commit that is known to be later.
	PlanReachable = "Reachable"
	// PlanNotProven: nothing that must be there is missing, and no later commit is known.
	PlanNotProven = "NotProven"
	// PlanRefused: the moment cannot be restored.
	PlanRefused = "Refused"
)

// OverLimit is what the message of a run says that has ended itself because it was out of
// time.
const OverLimit = "the run exceeded its limit of "
