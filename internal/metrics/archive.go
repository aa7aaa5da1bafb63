// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

var (
	archiveFailing = newGauge("stanzaflow_archive_failing_seconds",
		"For how long no WAL has been archived although there is some. 0 while archiving works.")
	archiveLast = newGauge("stanzaflow_archive_last_timestamp_seconds",
		"When PostgreSQL archived a WAL segment last. An idle database archives none.")
	archiveBehind = newGauge("stanzaflow_archive_behind_bytes",
		"How much WAL PostgreSQL has written after the last archived segment.")
	archiveWaiting = newGauge("stanzaflow_archive_waiting_segments",
		"WAL segments that wait to be archived.")
	walBytes = newGauge("stanzaflow_wal_bytes",
		"Size of pg_wal.")
	walFree = newGauge("stanzaflow_wal_volume_free_bytes",
		"Room left on the volume of pg_wal.")
	walSize = newGauge("stanzaflow_wal_volume_size_bytes",
		"Size of the volume of pg_wal.")
	walRunway = newGauge("stanzaflow_wal_runway_seconds",
		"While archiving fails: in how long pg_wal fills its volume and PostgreSQL stops, at the rate of the last watches. Absent while archiving works.")
	walRunwayObjective = newGauge("stanzaflow_wal_runway_objective_seconds",
		"How long that must be at least. It follows from the most frequent schedule.")
)

// archive shows what the last watch has found, unless that no longer describes the present.
// Without a timeline, no watch has had an answer yet.
func archive(s scrape) {
	is := s.Status.Archive
	if is == nil || is.BlindTime != nil || is.Timeline == 0 {
		return
	}
	failing := 0.0
	if is.FailingSince != nil {
		failing = s.since(is.FailingSince.Time)
	}
	s.gauge(archiveFailing, failing)
	s.timestamp(archiveLast, is.LastArchivedTime)
	s.gauge(archiveBehind, float64(is.BehindBytes))
	s.gauge(archiveWaiting, float64(is.WaitingSegments))
	// A volume without a size, and an empty pg_wal, were not asked for.
	if is.WALBytes > 0 {
		s.gauge(walBytes, float64(is.WALBytes))
	}
	if is.VolumeBytes > 0 {
		s.gauge(walFree, float64(is.FreeBytes))
		s.gauge(walSize, float64(is.VolumeBytes))
	}
	if is.FullTime != nil {
		s.gauge(walRunway, max(is.FullTime.Sub(s.now), 0).Seconds())
	}
	if s.known.Runway > 0 {
		s.gauge(walRunwayObjective, s.known.Runway.Seconds())
	}
}
