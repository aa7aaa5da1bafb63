// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// files of the server, by their paths. PostgreSQL reads these in place of those in the
// backup, which may name certificates and directories that are not here.
func (s scratch) files() map[string]string {
	return map[string]string{
		s.configFile(): "hba_file = '" + s.hbaFile() + "'\nident_file = '" + s.identFile() + "'\n",
		s.hbaFile():    "local all all trust\n", //nolint:dupword // every database, every role
		s.identFile():  "",
	}
}

// left are libraries that a drill never loads: they open ports and files of their own.
var left = []string{"bg_mon", "pg_auth_mon"}

const (
	settingLibraries = "shared_preload_libraries"
	settingBuffers   = "shared_buffers"
)

const (
	connections = 20
	// lockRoom is how many locks the copy has room for, at least: pg_dump locks every table
	// of a database at once. PostgreSQL has max_locks_per_transaction for each connection and
	// prepared transaction, and the copy has far fewer connections than production. It takes
	// 40 MB of memory.
	lockRoom = connections * 4096
)

// locks is max_locks_per_transaction, with so many prepared transactions. The more they are,
// the smaller it is: 4096 for each of 500 would take 850 MB.
func locks(c controlData, primary Settings, prepared int) int {
	return max(c.locks, primary.Locks, lockRoom/(connections+prepared))
}

// sessionSettings are settings of a session with which a check would pass over damage, or
// would not end. Production may have others in postgresql.auto.conf, where the command line
// of the server wins, or for a role or a database, where only the options of a connection do.
func sessionSettings(major int) []string {
	settings := []string{
		"zero_damaged_pages=off", "ignore_checksum_failure=off",
		"default_transaction_read_only=off", "statement_timeout=0", "lock_timeout=0", "idle_in_transaction_session_timeout=0",
	}
	if major >= 14 {
		settings = append(settings, "idle_session_timeout=0")
	}
	if major >= 17 {
		settings = append(settings, "transaction_timeout=0")
	}
	return settings
}

// newerSettings are those of the server that some major versions do not know: with an
// unknown one PostgreSQL does not start.
func newerSettings(major int) []string {
	var settings []string
	if major >= 13 {
		settings = append(settings, "ignore_invalid_pages=off")
	}
	if major >= 16 {
		settings = append(settings, "reserved_connections=0")
	}
	if major >= 17 {
		settings = append(settings, "event_triggers=off")
	}
	if major >= 18 {
		settings = append(settings, "max_active_replication_origins="+origins)
	}
	return settings
}

// origins is how many replication origins the copy has room for. Recovery restores those of
// the backup, and PostgreSQL ends if they are more. Before 18 max_replication_slots says so;
// the slots themselves are in no backup of pgBackRest.
const origins = "1000"

// allowed are the parameters that a user may set, beside those of extensions, whose names
// have a dot.
var allowed = []string{settingLibraries, settingBuffers, "maintenance_work_mem", "max_wal_size"}

// checkParameters refuses parameters that could let the copy do harm.
func checkParameters(parameters map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		if !slices.Contains(allowed, name) && !strings.Contains(name, ".") {
			return fmt.Errorf("restorePod.parameters has %s, which a drill sets itself: leave it out, or use one of %s", name, strings.Join(allowed, ", "))
		}
	}
	return nil
}

// libraries are what PostgreSQL loads at its start: what the user says, and otherwise what
// the primary loads. Without them, WAL and tables of some extensions cannot be read.
func (p Plan) libraries() []string {
	text, set := p.Config.Parameters[settingLibraries]
	if !set {
		text = p.Primary.Libraries
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.Trim(strings.TrimSpace(name), "\"'")
		if name != "" && (set || !slices.Contains(left, name)) {
			names = append(names, name)
		}
	}
	return names
}

// serverCommand starts PostgreSQL on the restored data. Its arguments win over
// postgresql.auto.conf of the backup, and settings of roles and databases win over them. The copy archives nothing, listens on no port, and
// has no workers, so that it neither takes the replication slots of production nor runs the
// jobs of pg_cron. fsync stays on, so that the time is true.
func serverCommand(postgres string, p Plan, s scratch, c controlData, libraries []string) []string {
	prepared := max(c.preparedTransactions, p.Primary.PreparedTransactions)
	settings := []string{
		"config_file=" + s.configFile(),
		"unix_socket_directories=" + s.socket, "port=" + port, "listen_addresses=",
		"archive_mode=off", "archive_command=", "archive_cleanup_command=", "recovery_end_command=",
		"hot_standby=off", "recovery_min_apply_delay=0",
		"max_connections=" + strconv.Itoa(connections), "superuser_reserved_connections=3", "max_wal_senders=0", "max_replication_slots=" + origins,
		"max_worker_processes=0", "max_logical_replication_workers=0",
		// PostgreSQL cannot replay with less than was in use.
		"max_prepared_transactions=" + strconv.Itoa(prepared),
		"max_locks_per_transaction=" + strconv.Itoa(locks(c, p.Primary, prepared)),
		settingBuffers + "=128MB", "huge_pages=off", "ssl=off", "autovacuum=off", "jit=off",
		"restart_after_crash=off", "logging_collector=off", "log_destination=stderr",
		// The lines of LOG say how recovery ended.
		"log_min_messages=warning", "log_error_verbosity=default",
		"log_timezone=UTC", "timezone=UTC", "lc_messages=C",
		settingLibraries + "=" + strings.Join(libraries, ","), "session_preload_libraries=", "local_preload_libraries=",
		"primary_conninfo=", "primary_slot_name=",
	}
	settings = append(append(settings, sessionSettings(c.major)...), newerSettings(c.major)...)
	for _, name := range slices.Sorted(maps.Keys(p.Config.Parameters)) {
		if name != settingLibraries {
			settings = append(settings, name+"="+p.Config.Parameters[name])
		}
	}
	argv := []string{postgres, "-D", s.data}
	for _, setting := range settings {
		argv = append(argv, "-c", setting)
	}
	return argv
}
