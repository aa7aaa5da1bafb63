// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package archiving

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
)

const (
	// stallTime is how long segments may wait without one being archived. pgBackRest pushes
	// a segment in a second or two, and gives up by itself after a minute; it is a little
	// less, so that a hang is known within one watch and a minute.
	stallTime = 45 * time.Second
	// shortestRunway is the time that a person needs at least.
	shortestRunway = 24 * time.Hour
	// sizePart of a volume is how much a size must change before the status is written
	// for it, and minuteSizes how much on a volume of unknown size.
	sizePart, unknownVolume = 50, 64 << 20
)

// foldArchive describes the newest sample in which the primary answered. Without one that
// is newer than the status, that stays.
func foldArchive(before *stanzaflowv1alpha1.ArchiveStatus, seen Seen) *stanzaflowv1alpha1.ArchiveStatus {
	sample := seen.newest(answered)
	if sample == nil || before != nil && sample.Time.Before(before.ObservedTime.Time) {
		after := before.DeepCopy()
		if after != nil && len(seen.Samples) > 0 {
			after.Message = report.OneLine(seen.Samples[len(seen.Samples)-1].Message)
		}
		return after
	}
	wal := sample.WAL
	after := &stanzaflowv1alpha1.ArchiveStatus{
		ObservedTime: *stamp(sample.Time), Message: report.OneLine(seen.Samples[len(seen.Samples)-1].Message),
		Timeline: wal.Timeline, LastArchivedWAL: wal.LastArchived, WaitingSegments: max(0, wal.Waiting),
		BehindBytes: behind(sample), WALBytes: max(0, wal.Bytes),
	}
	if wal.LastArchivedTime != nil {
		after.LastArchivedTime = stamp(*wal.LastArchivedTime)
	}
	if before != nil && wal.LastArchived == "" && before.Timeline == wal.Timeline {
		// The statistics were reset.
		after.LastArchivedWAL, after.LastArchivedTime = before.LastArchivedWAL, before.LastArchivedTime
	}
	if v := sample.Volume; v != nil {
		after.FreeBytes, after.VolumeBytes = max(0, v.Free), max(0, v.Size)
	}
	after.FailingSince, after.FailedWAL = failing(before, after, sample)
	if after.FailingSince != nil {
		after.FullTime = fullTime(before, sample, seen)
	}
	return after
}

// failing is since when no WAL is archived although there is some, and the segment that
// could not be archived, empty if no attempt has failed.
func failing(before, after *stanzaflowv1alpha1.ArchiveStatus, sample *report.Sample) (*metav1.Time, string) {
	wal := sample.WAL
	since := func(first time.Time) *metav1.Time {
		if before != nil && before.FailingSince != nil {
			return before.FailingSince
		}
		return stamp(first)
	}
	if wal.ArchivingOff {
		return since(sample.Time), ""
	}
	if wal.LastFailedTime != nil && (wal.LastArchivedTime == nil || wal.LastFailedTime.After(*wal.LastArchivedTime)) {
		return since(*wal.LastFailedTime), wal.LastFailed
	}
	if after.WaitingSegments == 0 {
		return nil, ""
	}
	if stalled := time.Duration(wal.StalledSeconds) * time.Second; stalled >= stallTime {
		return since(sample.Time.Add(-stalled)), ""
	}
	// After a restart PostgreSQL counts from the beginning, and has archived nothing yet.
	if before != nil && before.FailingSince != nil && before.Timeline == after.Timeline &&
		before.LastArchivedWAL == after.LastArchivedWAL && before.LastArchivedTime.Equal(after.LastArchivedTime) {
		return before.FailingSince, before.FailedWAL
	}
	return nil, ""
}

// fullTime is when pg_wal fills its volume, at the rate at which WAL was written during
// the samples that are known. Nil if no rate is known, or nothing is written.
func fullTime(before *stanzaflowv1alpha1.ArchiveStatus, sample *report.Sample, seen Seen) *metav1.Time {
	if sample.Volume == nil {
		return nil
	}
	rate, known := writeRate(sample, seen)
	switch {
	case !known && before != nil:
		return before.FullTime
	case rate <= 0:
		return nil
	}
	left := time.Duration(min(float64(sample.Volume.Free)/rate, float64(longest/time.Second))) * time.Second
	at := sample.Time.Add(left)
	if before != nil && before.FullTime != nil {
		// It is an estimate: one that is nearly the same is no news.
		if moved := at.Sub(before.FullTime.Time).Abs(); moved <= max(10*time.Minute, left/10) {
			return before.FullTime
		}
	}
	return stamp(at)
}

// longest is the longest runway that is worth a number.
const longest = 10 * 366 * 24 * time.Hour

// shortestRate is how far two samples must lie apart to give a rate: two watches by hand in
// a few seconds, with a WAL segment between them, would promise a full volume within hours.
const shortestRate = 30 * time.Second

// writeRate is how many bytes of WAL are written in a second.
func writeRate(sample *report.Sample, seen Seen) (rate float64, known bool) {
	to, ok := position(sample.WAL.LSN)
	if !ok {
		return 0, false
	}
	for i := range seen.Samples {
		first := &seen.Samples[i]
		if !answered(first) || first.WAL.Timeline != sample.WAL.Timeline {
			continue
		}
		from, ok := position(first.WAL.LSN)
		elapsed := sample.Time.Sub(first.Time).Seconds()
		if !ok || elapsed < shortestRate.Seconds() || to < from {
			continue
		}
		return float64(to-from) / elapsed, true
	}
	return 0, false
}

// settle keeps the status before if nothing but ages and sizes differ, and those only a
// little. While nothing is at risk, the position of the WAL must be exact: after a
// restart it is all that shows that nothing was written since.
func settle(before, after *stanzaflowv1alpha1.ArchiveStatus, recoverable *stanzaflowv1alpha1.RecoverableStatus, seen Seen) *stanzaflowv1alpha1.ArchiveStatus {
	if before == nil || after == nil {
		return after
	}
	near := func(a, b int64) bool {
		limit := int64(unknownVolume)
		if after.VolumeBytes > 0 {
			limit = after.VolumeBytes / sizePart
		}
		return max(a-b, b-a) <= limit
	}
	segment := int64(0)
	if recoverable != nil && recoverable.AtRiskSince != nil {
		segment = defaultSegment
		if sample := seen.newest(answered); sample != nil && sample.WAL.SegmentBytes > 0 {
			segment = sample.WAL.SegmentBytes
		}
	}
	same := after.DeepCopy()
	same.ObservedTime = before.ObservedTime
	if near(before.FreeBytes, after.FreeBytes) && near(before.WALBytes, after.WALBytes) && max(before.BehindBytes-after.BehindBytes, after.BehindBytes-before.BehindBytes) <= segment {
		same.FreeBytes, same.WALBytes, same.BehindBytes = before.FreeBytes, before.WALBytes, before.BehindBytes
	}
	if equality.Semantic.DeepEqual(before, same) {
		return before
	}
	return after
}

// Runway is how long pg_wal must be able to grow: a person needs time, and a database that
// is backed up rarely is looked at rarely.
func Runway(schedules []stanzaflowv1alpha1.ScheduleStatus) time.Duration {
	return max(shortestRunway, 2*longestGap(schedules))
}

// judgeArchive decides whether archiving works, and for how long it may fail.
func (r *Result) judgeArchive(in Input) {
	if sample := in.Seen.newest(answered); sample != nil {
		r.Off = sample.WAL.ArchivingOff
	}
	r.Runway = Runway(in.Schedules)
	if r.Archive == nil || r.Archive.FailingSince == nil || r.Archive.FullTime == nil {
		return
	}
	from := r.Archive.FullTime.Add(-r.Runway)
	r.RunwayShort = !in.Now.Before(from)
	r.wake(from, in.Now)
}

// stamp is a moment as a status holds it.
func stamp(at time.Time) *metav1.Time { return new(metav1.NewTime(at.UTC()).Rfc3339Copy()) }
