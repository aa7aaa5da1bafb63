// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package board

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// ofDatabase matches the database that the dashboard shows.
const ofDatabase = `namespace="$namespace",cluster="$cluster"`

// Database is the dashboard of one database: is it recoverable, to when, and what is wrong.
func Database() (dashboard.Dashboard, error) {
	d := begin(uidDatabase, "Stanzaflow: one database", "One database: what is proven, to when it can be restored, how its runs are, whether its WAL arrives.").
		WithVariable(variable("namespace", "Namespace", "label_values(stanzaflow_condition, namespace)")).
		WithVariable(variable("cluster", "Database", `label_values(stanzaflow_condition{namespace="$namespace"}, cluster)`))
	state(d)
	proof(d)
	drills(d)
	durations(d)
	sizes(d)
	wal(d)
	return finish(d)
}

func state(d *dashboard.DashboardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("State")).
		WithPanel(plain("Recoverable to (time ago)", "How long ago the newest moment is to which the database can surely be restored. It also grows while nothing is written.", seconds, database(`stanzaflow_recoverable_newest_age_seconds{OF}`))).
		WithPanel(plain("Recoverable from (time ago)", "How far back the database can be restored.", seconds, database(`stanzaflow_recoverable_oldest_age_seconds{OF}`))).
		WithPanel(number("RPO, of the objective", "Above 100 % more commits are at risk than the objective allows.", ratio, database(`stanzaflow_rpo_seconds{OF} / on (namespace, cluster) stanzaflow_rpo_objective_seconds{OF}`), 1)).
		WithPanel(number("Archiving fails for", "For how long no WAL has been archived although there is some.", seconds, database(`stanzaflow_archive_failing_seconds{OF}`), 0)).
		WithPanel(plain("Next run in", "Until the next schedule fires.", seconds, database(`min(stanzaflow_schedule_next_run_timestamp_seconds{OF}) - time()`))).
		WithPanel(plain("Last watch", "How long ago a watch could ask the database.", seconds, database(`stanzaflow_watch_age_seconds{OF}`))).
		WithPanel(timeline("Conditions", "docs/conditions.md explains each.", query{stateOf(ofDatabase, "condition"), "{{condition}}"})).
		WithPanel(rows("Conditions now", "With their reasons.",
			cell{name: "Condition", label: "condition"}, cell{name: "Status", label: "status", state: true}, cell{name: "Reason", label: "reason"},
			cell{expr: database(`sum by (condition, status, reason) (stanzaflow_condition{OF})`)}).Span(half)).
		WithPanel(rows("Schedules", "One row for each backup type of each repository.",
			cell{name: "Repo", label: "repo"}, cell{name: "Type", label: "type"}, cell{name: "Last run", label: "result", state: true},
			cell{expr: database(`sum by (repo, type, result) (stanzaflow_last_run_result{OF})`)},
			cell{name: "Next run in", expr: database(`max by (repo, type) (stanzaflow_schedule_next_run_timestamp_seconds{OF}) - time()`), unit: seconds},
			cell{name: "Overdue", expr: database(`max by (repo, type) (stanzaflow_schedule_overdue{OF})`), wrong: true},
			cell{name: "Held", expr: database(`max by (repo, type) (stanzaflow_schedule_held{OF})`), wrong: true},
			cell{name: "Delayed", expr: database(`max by (repo, type) (stanzaflow_schedule_delayed{OF})`)},
			cell{name: "Retention failed", expr: database(`max by (repo, type) (stanzaflow_last_run_retention_failed{OF})`), wrong: true}).Span(half))
}

func proof(d *dashboard.DashboardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("Proof and RPO")).
		WithPanel(lines("Age of the newest proven backup", "For each repository and backup type.", seconds,
			query{database(`time() - stanzaflow_last_proven_backup_timestamp_seconds{OF}`), "{{repo}} {{type}}"})).
		WithPanel(lines("RPO", "Since when commits would be lost with the primary and its volume. 0 while nothing is written.", seconds,
			query{database(`stanzaflow_rpo_seconds{OF}`), "RPO now"}, query{database(`stanzaflow_rpo_objective_seconds{OF}`), "objective"})).
		WithPanel(lines("Overdue and held", "1 while it is so.", count,
			query{database(`stanzaflow_schedule_overdue{OF}`), "{{repo}} {{type}} overdue"}, query{database(`stanzaflow_schedule_held{OF}`), "{{repo}} {{type}} held"}))
}

func drills(d *dashboard.DashboardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("Restore drills")).
		WithPanel(rows("Drills", "A drill restores the database into a pod of its own, and looks whether all data are there.",
			cell{name: "Drill", label: "drill"}, cell{name: "Last run", label: "result", state: true},
			cell{expr: database(`sum by (drill, result) (stanzaflow_drill_last_result{OF} == 1)`)},
			cell{name: "Last that succeeded (time ago)", expr: database(`time() - max by (drill) (stanzaflow_drill_last_success_timestamp_seconds{OF})`), unit: seconds},
			cell{name: "RTO", expr: database(`max by (drill) (stanzaflow_recovery_time_seconds{OF})`), unit: seconds},
			cell{name: "RPO", expr: database(`max by (drill) (stanzaflow_recovery_point_seconds{OF})`), unit: seconds},
			cell{name: "Overdue", expr: database(`max by (drill) (stanzaflow_drill_overdue{OF})`), wrong: true})).
		WithPanel(lines("RTO", "From the start of the restore to the first query, in the newest good drill.", seconds,
			query{database(`stanzaflow_recovery_time_seconds{OF}`), "{{drill}}"}, query{database(`stanzaflow_recovery_time_objective_seconds{OF}`), "objective"})).
		WithPanel(lines("Phases of the newest good drill", "RTO is the sum of restore, replay and firstQuery.", seconds,
			query{database(`stanzaflow_drill_phase_seconds{OF}`), "{{drill}} {{phase}}"})).
		WithPanel(lines("Newest restorable moment (time ago)", "For each repository.", seconds,
			query{database(`time() - stanzaflow_restorable_newest_timestamp_seconds{OF}`), "{{repo}}"}))
}

func durations(d *dashboard.DashboardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("Runs")).
		WithPanel(lines("Duration of the last run", "From its start to its end, with what it waited for.", seconds,
			query{database(`stanzaflow_last_run_duration_seconds{OF}`), "{{repo}} {{type}}"})).
		WithPanel(lines("Runs in an hour, by result", "Only Succeeded means that a backup is proven.", count,
			query{database(`sum by (result) (increase(stanzaflow_runs_total{OF}[1h]))`), "{{result}}"})).
		WithPanel(lines("Runs that run and wait", "Runs of one database wait for each other.", count,
			query{database(`sum(stanzaflow_run_running{OF})`), "running"}, query{database(`sum(stanzaflow_runs_waiting{OF})`), "waiting"}))
}

func sizes(d *dashboard.DashboardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("Sizes")).
		WithPanel(lines("Database in the last backup", "pgBackRest's own number. A full counts as the last diff and incr, too.", bytes,
			query{database(`pgbackrest_backup_last_size_bytes{OF}`), "{{backup_type}}"}).Span(fourth)).
		WithPanel(lines("Added by the last backup", "What it takes in the repository, after compression.", bytes,
			query{database(`pgbackrest_backup_last_repo_delta_bytes{OF}`), "{{backup_type}}"}).Span(fourth)).
		WithPanel(lines("Backups in the repository", "Whoever has made them.", count,
			query{database(`stanzaflow_repo_backups{OF}`), "{{repo}} all"}, query{database(`stanzaflow_repo_full_backups{OF}`), "{{repo}} full"}).Span(fourth)).
		WithPanel(lines("Volume of the repository", "Object stores have none. The next full backup needs as much room as the last one.", bytes,
			query{database(`stanzaflow_repo_volume_free_bytes{OF}`), "{{repo}} free"}, query{database(`stanzaflow_repo_next_full_bytes{OF}`), "{{repo}} next full"}).Span(fourth))
}

func wal(d *dashboard.DashboardBuilder) {
	d.WithRow(dashboard.NewRowBuilder("WAL")).
		WithPanel(lines("WAL that is in no repository", "What PostgreSQL has written after the last archived segment.", bytes,
			query{database(`stanzaflow_archive_behind_bytes{OF}`), "behind"})).
		WithPanel(lines("Segments that wait", "Whole segments that PostgreSQL has not archived yet.", count,
			query{database(`stanzaflow_archive_waiting_segments{OF}`), "waiting"})).
		WithPanel(lines("pg_wal and its volume", "PostgreSQL stops when the volume is full.", bytes,
			query{database(`stanzaflow_wal_bytes{OF}`), "pg_wal"}, query{database(`stanzaflow_wal_volume_free_bytes{OF}`), "free"})).
		WithPanel(lines("Runway: pg_wal is full in", "Only while archiving fails, at the rate of the last watches.", seconds,
			query{database(`stanzaflow_wal_runway_seconds{OF}`), "runway"}, query{database(`stanzaflow_wal_runway_objective_seconds{OF}`), "at least"})).
		WithPanel(lines("Time since the last archived segment", "An idle database archives none.", seconds,
			query{database(`time() - stanzaflow_archive_last_timestamp_seconds{OF}`), "last segment"})).
		WithPanel(lines("Age of what the watch knows", "Above the line nobody knows whether WAL is archived.", seconds,
			query{database(`stanzaflow_watch_age_seconds{OF}`), "age"}, query{database(`stanzaflow_watch_max_age_seconds{OF}`), "at most"}))
}

// database writes the matchers of the database into an expression.
func database(expr string) string { return with(expr, ofDatabase) }
