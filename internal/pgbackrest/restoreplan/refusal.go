// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"slices"
	"time"
)

// Reason of a Refusal.
type Reason string

// Reasons.
const (
	// AfterNewest is a target after everything in the archive.
	AfterNewest Reason = "AfterNewest"
	// BeforeOldest is a target before the end of every backup.
	BeforeOldest Reason = "BeforeOldest"
	// Gap is WAL that is missing between the backup and the target.
	Gap Reason = "Gap"
	// OtherTimeline is a moment on a timeline to which no backup and no history leads.
	OtherTimeline Reason = "OtherTimeline"
	// SetTooYoung is a backup that was asked for and ended after the target.
	SetTooYoung Reason = "SetTooYoung"
	// NoZone is a time without an offset.
	NoZone Reason = "NoZone"
	// Ambiguous is a local time that exists twice or not at all.
	Ambiguous Reason = "Ambiguous"
	// NoRepo is a repo or a backup that does not exist.
	NoRepo Reason = "NoRepo"
	// Unreadable is a repo or a backup that cannot be read.
	Unreadable Reason = "Unreadable"
	// VersionDiffers is a backup of another major version of PostgreSQL.
	VersionDiffers Reason = "VersionDiffers"
	// NoRoom is a volume without room beside the old directory.
	NoRoom Reason = "NoRoom"
)

// Moment is one that can be restored.
type Moment struct {
	Time   time.Time
	Answer Answer
}

// Refusal says why there is no plan.
type Refusal struct { //nolint:errname // it is an answer first; only who has no plan takes it for an error
	Reason Reason
	// Message says what is wrong and what to do.
	Message string
	// Before and After are the nearest moments that can be restored, nil if there is none.
	Before, After *Moment
	// Missing WAL segments, the first of them.
	Missing []string
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Message }

// DataMissing reports whether data that should be in the archive are not there.
func (r *Refusal) DataMissing() bool {
	return slices.Contains([]Reason{AfterNewest, Gap, OtherTimeline}, r.Reason)
}

func refuse(reason Reason, message string) *Refusal {
	return &Refusal{Reason: reason, Message: message}
}
