// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package board

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

const (
	uidFleet    = "stanzaflow-fleet"
	uidDatabase = "stanzaflow-database"
)

// ofFleet matches the databases that the dashboard shows.
const ofFleet = `namespace=~"$namespace"`

// needy are the databases that are not Ready.
const needy = `stanzaflow_condition{condition="Ready",status!="True",` + ofFleet + `}`

// Fleet is the dashboard of all databases: which of them need somebody.
func Fleet() (dashboard.Dashboard, error) {
	return finish(begin(uidFleet, "Stanzaflow: all databases", "Which databases need somebody: not Ready, overdue, archiving fails, RPO above the objective.").
		WithVariable(variable("namespace", "Namespace", "label_values(stanzaflow_condition, namespace)").
			Multi(true).IncludeAll(true).AllValue(".*").
			Current(dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: new("All")}, Value: dashboard.StringOrArrayOfString{String: new("$__all")}})).
		WithRow(dashboard.NewRowBuilder("Who needs somebody")).
		WithPanel(plain("Databases", "All that the operator knows.", count, fleet(`count(stanzaflow_condition{condition="Ready",OF})`))).
		WithPanel(number("Not Ready", "Databases with the condition Ready False.", count, fleet(`count(stanzaflow_condition{condition="Ready",status="False",OF}) or vector(0)`), 0)).
		WithPanel(number("Overdue", "Databases with a schedule whose backup was due and is not proven.", count, fleet(`sum(max by (namespace, cluster) (stanzaflow_schedule_overdue{OF}))`), 0)).
		WithPanel(number("Archiving fails", "Databases whose WAL gets into no repository.", count, fleet(`sum(stanzaflow_archive_failing_seconds{OF} > bool 0)`), 0)).
		WithPanel(number("RPO above objective", "Databases that would lose more commits than their objective allows.", count, fleet(`sum(stanzaflow_rpo_seconds{OF} > bool on (namespace, cluster) stanzaflow_rpo_objective_seconds{OF})`), 0)).
		WithPanel(number("Blind", "Databases of which nobody knows whether WAL is archived.", count, fleet(`sum(stanzaflow_watch_age_seconds{OF} > bool on (namespace, cluster) stanzaflow_watch_max_age_seconds{OF})`), 0)).
		WithPanel(rows("Databases that need somebody", "One row for each database that is not Ready. Empty is good.",
			cell{name: "Namespace", label: "namespace"},
			cell{name: "Database", label: "cluster"},
			cell{name: "Ready", label: "status", state: true},
			cell{name: "Reason", label: "reason"},
			cell{expr: `sum by (namespace, cluster, status, reason) (` + needy + `)`},
			cell{name: "Overdue schedules", expr: fleet(`sum by (namespace, cluster) (stanzaflow_schedule_overdue{OF}) and on (namespace, cluster) ` + needy), wrong: true},
			cell{name: "Last proven backup", expr: fleet(`time() - max by (namespace, cluster) (stanzaflow_last_proven_backup_timestamp_seconds{OF}) and on (namespace, cluster) ` + needy), unit: seconds},
			cell{name: "Last good drill", expr: fleet(`time() - max by (namespace, cluster) (stanzaflow_drill_last_success_timestamp_seconds{OF}) and on (namespace, cluster) ` + needy), unit: seconds},
			cell{name: "RPO", expr: fleet(`max by (namespace, cluster) (stanzaflow_rpo_seconds{OF}) and on (namespace, cluster) ` + needy), unit: seconds},
			cell{name: "Archiving fails for", expr: fleet(`max by (namespace, cluster) (stanzaflow_archive_failing_seconds{OF}) and on (namespace, cluster) ` + needy), unit: seconds, wrong: true},
			cell{name: "pg_wal is full in", expr: fleet(`min by (namespace, cluster) (stanzaflow_wal_runway_seconds{OF}) and on (namespace, cluster) ` + needy), unit: seconds},
		).SortBy(byName("Ready", false))).
		WithPanel(timeline("Databases that were not Ready", "Ready of each database that was not always True in the time that the dashboard shows.",
			query{stateOf(`condition="Ready",`+ofFleet, "namespace, cluster") + fleet(` and on (namespace, cluster) max_over_time(stanzaflow_condition{condition="Ready",status!="True",OF}[$__range] @ end())`), "{{namespace}}/{{cluster}}"})).
		WithRow(dashboard.NewRowBuilder("Recoverable, to when")).
		WithPanel(lines("RPO, as part of the objective", "The ten databases that would lose most, compared with what they may lose. Above 100 % the condition Recoverable is False.", ratio,
			query{fleet(`topk(10, stanzaflow_rpo_seconds{OF} / on (namespace, cluster) stanzaflow_rpo_objective_seconds{OF})`), "{{namespace}}/{{cluster}}"})).
		WithPanel(lines("Archiving fails for", "The ten databases whose archiving has failed longest.", seconds,
			query{fleet(`topk(10, stanzaflow_archive_failing_seconds{OF})`), "{{namespace}}/{{cluster}}"})).
		WithPanel(lines("pg_wal is full in", "Only while archiving fails: the ten databases that PostgreSQL stops first.", seconds,
			query{fleet(`bottomk(10, stanzaflow_wal_runway_seconds{OF})`), "{{namespace}}/{{cluster}}"})).
		WithRow(dashboard.NewRowBuilder("Runs")).
		WithPanel(lines("Runs in an hour, by result", "Only Succeeded means that a backup is proven.", count,
			query{fleet(`sum by (result) (increase(stanzaflow_runs_total{OF}[1h]))`), "{{result}}"})).
		WithPanel(lines("Failed runs since the operator started, by cause", "The step that failed, and pgBackRest's word for its exit code.", count,
			query{fleet(`topk(10, sum by (step, cause) (stanzaflow_run_failures_total{OF}))`), "{{step}}: {{cause}}"})).
		WithPanel(lines("Runs that run and wait", "Runs of one database wait for each other.", count,
			query{fleet(`sum(stanzaflow_run_running{OF})`), "running"}, query{fleet(`sum(stanzaflow_runs_waiting{OF})`), "waiting"})).
		WithPanel(lines("Steps, 95 of 100 are faster", "How long the steps of the runs of the last hour took.", seconds,
			query{`histogram_quantile(0.95, sum by (le, step) (increase(stanzaflow_run_step_duration_seconds_bucket[1h]))) >= 0`, "{{step}}"})).
		WithPanel(lines("Volumes of repositories", "The ten that are fullest. Object stores have no size.", ratio,
			query{fleet(`topk(10, 1 - stanzaflow_repo_volume_free_bytes{OF} / stanzaflow_repo_volume_size_bytes{OF})`), "{{namespace}}/{{cluster}} {{repo}}"})).
		WithPanel(lines("Certificates expire in", "The ten that expire first. The operator renews its own when a third is left.", seconds,
			query{fleet(`bottomk(10, stanzaflow_certificate_expiry_timestamp_seconds{OF} - time())`), "{{namespace}}/{{cluster}}"})))
}

// fleet writes the matchers of the databases into an expression.
func fleet(expr string) string { return with(expr, ofFleet) }
