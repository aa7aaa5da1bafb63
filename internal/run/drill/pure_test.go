// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/wal"
)

var mounted = scratch{mount: "/home/postgres/pgdata", data: "/home/postgres/pgdata/pgroot/data", socket: "/run/stanzaflow/socket"}

func TestRestoreCommand(t *testing.T) {
	t.Parallel()
	moment := time.Date(2026, 11, 26, 4, 12, 44, 918273000, time.FixedZone("", 3600))
	const begin = "pgbackrest restore --stanza=db --repo=1 --set=20261122-153309F --archive-mode=off --tablespace-map-all=/home/postgres/pgdata/tablespaces "
	const end = " --log-level-console=info --log-level-stderr=warn"
	for name, tc := range map[string]struct {
		change func(*Plan)
		want   string
	}{
		"newest":    {func(*Plan) {}, "--target-timeline=2"},
		"a moment":  {func(p *Plan) { p.Report.Drill.Target, p.Report.Drill.Moment = "Random", &moment }, "--type=time --target=2026-11-26 03:12:44.918273+00 --target-action=promote --target-timeline=2"},
		"immediate": {func(p *Plan) { p.Report.Drill.Target = "Immediate" }, "--type=immediate --target-action=promote"},
		"current":   {func(p *Plan) { p.Timeline = "current" }, "--target-timeline=current"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newest()
			tc.change(&p)
			if diff := cmp.Diff(begin+tc.want+end, strings.Join(restoreCommand(p, mounted), " ")); diff != "" {
				t.Errorf("command (-want +got):\n%s", diff)
			}
		})
	}
}

func TestServerCommand(t *testing.T) {
	t.Parallel()
	p := newest()
	p.Primary = Settings{Libraries: `bg_mon, pg_stat_statements,"pg_cron",pg_auth_mon`, PreparedTransactions: 5, Locks: 128}
	p.Config.Parameters = map[string]string{"shared_buffers": "1GB", "timescaledb.license": "apache"}
	c := controlData{major: 17, preparedTransactions: 7, locks: 64}
	argv := serverCommand("/bin/postgres", p, mounted, c, p.libraries())
	settings := map[string]string{}
	for i := 3; i < len(argv); i += 2 {
		name, value, found := strings.Cut(argv[i+1], "=")
		if argv[i] != "-c" || !found {
			t.Fatalf("arguments %q", argv[i:i+2])
		}
		settings[name] = value // The last one wins.
	}
	want := map[string]string{
		"archive_mode": "off", "archive_command": "", "archive_cleanup_command": "", "recovery_end_command": "", "listen_addresses": "", "hot_standby": "off",
		"max_connections": "20", "max_wal_senders": "0", "max_worker_processes": "0", "max_logical_replication_workers": "0",
		// The larger of the backup and the primary.
		"max_prepared_transactions": "7", "max_locks_per_transaction": "3034",
		// What production may have, and what would damage, delay or hide.
		"superuser_reserved_connections": "3", "reserved_connections": "0", "max_replication_slots": "1000", "recovery_min_apply_delay": "0",
		"log_min_messages": "warning", "log_error_verbosity": "default",
		"zero_damaged_pages": "off", "ignore_checksum_failure": "off", "ignore_invalid_pages": "off", "default_transaction_read_only": "off",
		"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0", "idle_session_timeout": "0", "transaction_timeout": "0",
		"shared_buffers": "1GB", "huge_pages": "off", "ssl": "off", "autovacuum": "off", "jit": "off", "event_triggers": "off",
		"restart_after_crash": "off", "logging_collector": "off", "log_destination": "stderr", "log_timezone": "UTC", "timezone": "UTC", "lc_messages": "C",
		"shared_preload_libraries": "pg_stat_statements,pg_cron", "session_preload_libraries": "", "local_preload_libraries": "",
		"primary_conninfo": "", "primary_slot_name": "", "timescaledb.license": "apache", "port": "5432",
		"config_file": "/home/postgres/pgdata/drill/postgresql.conf", "unix_socket_directories": "/run/stanzaflow/socket",
	}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	p.Config.Parameters = map[string]string{settingLibraries: "bg_mon"}
	if got := p.libraries(); !slices.Equal(got, []string{"bg_mon"}) {
		t.Errorf("libraries %q, and the user asks for bg_mon", got)
	}
}

// TestLocks: pg_dump of thousands of tables needs more than a copy with few connections would
// have, and replay needs what production had.
func TestLocks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ backup, primary, prepared, want int }{
		"many tables":                  {64, 64, 0, 4096},
		"many prepared transactions":   {64, 64, 500, 157},
		"the backup has more":          {10000, 64, 0, 10000},
		"the primary has more":         {64, 10000, 0, 10000},
		"no primary":                   {64, 0, 7, 3034},
		"not less than the backup had": {256, 64, 1000, 256},
	} {
		if got := locks(controlData{locks: tc.backup}, Settings{Locks: tc.primary}, tc.prepared); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// TestSettingsOfVersions: PostgreSQL does not start with a setting that it does not know.
func TestSettingsOfVersions(t *testing.T) {
	t.Parallel()
	since := map[string]int{
		"ignore_invalid_pages=off": 13, "idle_session_timeout=0": 14, "reserved_connections=0": 16,
		"event_triggers=off": 17, "transaction_timeout=0": 17, "max_active_replication_origins=1000": 18,
	}
	for major := 12; major <= 19; major++ {
		argv := serverCommand("postgres", newest(), mounted, controlData{major: major}, nil)
		for setting, first := range since {
			if got, want := slices.Contains(argv, setting), major >= first; got != want {
				t.Errorf("PostgreSQL %d: %s is set: %t, want %t", major, setting, got, want)
			}
		}
	}
}

func TestCheckParameters(t *testing.T) {
	t.Parallel()
	if err := checkParameters(map[string]string{"shared_buffers": "1GB", "cron.database_name": "x", "max_wal_size": "1GB", "maintenance_work_mem": "1GB", settingLibraries: ""}); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"archive_mode", "archive_command", "listen_addresses", "max_worker_processes", "config_file", "restore_command"} {
		if checkParameters(map[string]string{name: "x"}) == nil {
			t.Errorf("%s could do harm", name)
		}
	}
}

func TestCheckReached(t *testing.T) {
	t.Parallel()
	later, before := expected.Add(time.Microsecond), expected.Add(-time.Microsecond)
	stopped := func(at time.Time) string {
		return "LOG:  restored log file\nLOG:  recovery stopping before commit of transaction 841, time " + at.Format("2006-01-02 15:04:05.999999+00") + "\n" + strings.Repeat("LOG:  x\n", 1000)
	}
	for name, tc := range map[string]struct {
		target string
		moment *time.Time
		state  state
		lsn    wal.LSN
		log    string
		good   bool
	}{
		"newest":                        {target: "Newest", state: state{Time: &later}, lsn: 0xA000100, good: true},
		"newest, to the byte":           {target: "Newest", state: state{Time: &expected}, lsn: 0xA000028, good: true},
		"newest, a commit is missing":   {target: "Newest", state: state{Time: &before}, lsn: 0xA000100},
		"newest, WAL is missing":        {target: "Newest", state: state{Time: &later}, lsn: 0xA000027},
		"newest, no commit at all":      {target: "Newest", lsn: 0xA000100},
		"newest, still in recovery":     {target: "Newest", state: state{Time: &later, InRecovery: true}, lsn: 0xA000100},
		"a moment":                      {target: "Random", moment: &expected, log: stopped(later), good: true},
		"a moment, exactly":             {target: "Random", moment: &expected, log: stopped(expected), good: true},
		"a moment, stopped before":      {target: "Random", moment: &expected, log: stopped(before)},
		"a moment, not stopped":         {target: "Random", moment: &expected, state: state{Time: &later}, lsn: 0xA000100, log: "LOG:  redo done"},
		"immediate":                     {target: "Immediate", log: "LOG:  consistent recovery state reached at 0/9000100", good: true},
		"immediate, and not consistent": {target: "Immediate", log: "LOG:  redo done"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newest()
			p.Report.Drill.Target, p.Report.Drill.Moment = tc.target, tc.moment
			if why := checkReached(p, tc.state, Reached{LSN: tc.lsn}, tc.log); (why == "") != tc.good {
				t.Errorf("why %q, good %t", why, tc.good)
			}
		})
	}
}

func TestJudgeValue(t *testing.T) {
	t.Parallel()
	moment := expected
	hour := &metav1.Duration{Duration: time.Hour}
	for name, tc := range map[string]struct {
		check  stanzaflowv1alpha1.SQLCheck
		value  string
		moment *time.Time
		good   bool
	}{
		"equal":                      {stanzaflowv1alpha1.SQLCheck{Equals: new("t")}, "t", nil, true},
		"not equal":                  {stanzaflowv1alpha1.SQLCheck{Equals: new("t")}, "f", nil, false},
		"enough":                     {stanzaflowv1alpha1.SQLCheck{Min: new(int64(5))}, "5", nil, true},
		"enough, with a fraction":    {stanzaflowv1alpha1.SQLCheck{Min: new(int64(5))}, "5.01", nil, true},
		"too few":                    {stanzaflowv1alpha1.SQLCheck{Min: new(int64(5))}, "4.99", nil, false},
		"no number":                  {stanzaflowv1alpha1.SQLCheck{Min: new(int64(5))}, "NaN", nil, false},
		"null":                       {stanzaflowv1alpha1.SQLCheck{Min: new(int64(0))}, "", nil, false},
		"young":                      {stanzaflowv1alpha1.SQLCheck{MaxAge: hour}, "2026-11-28 04:12:12+00", &moment, true},
		"young, without a zone":      {stanzaflowv1alpha1.SQLCheck{MaxAge: hour}, "2026-11-28 05:00:00.5", &moment, true},
		"old":                        {stanzaflowv1alpha1.SQLCheck{MaxAge: hour}, "2026-11-28 04:12:10+00", &moment, false},
		"a moment that nobody knows": {stanzaflowv1alpha1.SQLCheck{MaxAge: hour}, "2026-11-28 05:00:00+00", nil, false},
		"no timestamp":               {stanzaflowv1alpha1.SQLCheck{MaxAge: hour}, "infinity", &moment, false},
		"nothing to compare with":    {stanzaflowv1alpha1.SQLCheck{}, "t", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if why := judgeValue(tc.check, tc.value, tc.moment); (why == "") != tc.good {
				t.Errorf("why %q, good %t", why, tc.good)
			}
		})
	}
	if why := judgeValue(stanzaflowv1alpha1.SQLCheck{Equals: new("x")}, strings.Repeat("secret", 100), nil); len(why) > 200 {
		t.Errorf("the message has %d bytes", len(why))
	}
}

// TestPlanPassesThroughArgo: Argo looks for tags in a parameter, and Kubernetes for
// variables in an argument.
func TestPlanPassesThroughArgo(t *testing.T) {
	t.Parallel()
	p := newest()
	p.Drill.SQL = []stanzaflowv1alpha1.SQLCheck{{Name: "x", Database: "shop", Query: "SELECT $$a$$, '{{workflow.name}}', $(HOME)\n", Equals: new("x")}}
	text, err := p.Encode()
	if err != nil || bytes.Contains(text, []byte("{{")) || bytes.Contains(text, []byte("$")) {
		t.Fatalf("%v: %s", err, text)
	}
	got, err := Decode(string(text))
	if diff := cmp.Diff(p, got); err != nil || diff != "" {
		t.Errorf("%v, plan (-want +got):\n%s", err, diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Plan){
		"no backup":      func(p *Plan) { p.Report.Drill.Backup = "" },
		"no drill":       func(p *Plan) { p.Report.Drill = nil },
		"no timeline":    func(p *Plan) { p.Timeline = "" },
		"no data path":   func(p *Plan) { p.Config.DataPath = "" },
		"no expectation": func(p *Plan) { p.Report.Drill.ExpectLSN = "" },
		"no moment":      func(p *Plan) { p.Report.Drill.Target = "Random" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newest()
			change(&p)
			text, err := p.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Decode(string(text)); err == nil {
				t.Error("it is taken for a plan")
			}
		})
	}
	if _, err := Decode(`{"report":{},"unknown":1}`); err == nil {
		t.Error("a field of another release is left out")
	}
}

func TestParseControlData(t *testing.T) {
	t.Parallel()
	text := "Database system identifier:           7312\nmax_prepared_xacts setting:           7\nmax_locks_per_xact setting:           64\n" +
		"Bytes per WAL segment:                16777216\nData page checksum version:           1\n"
	want := controlData{systemID: "7312", preparedTransactions: 7, locks: 64, segmentBytes: wal.DefaultSize, checksums: true}
	if got, err := parseControlData(text); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for line := range strings.Lines(text) {
		if _, err := parseControlData(strings.Replace(text, line, "", 1)); err == nil {
			t.Errorf("without %q it is still control data", line)
		}
	}
}

// TestLogbook: nothing at the beginning of a long log is lost, and WAL segments do not fill
// the memory.
func TestLogbook(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	l := &logbook{to: &shown}
	write := func(text string) {
		if _, err := l.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	write("ERROR: the fi")
	write("rst\n")
	for range 1000 {
		write("LOG:  restored log file \"000000010000000000000001\" from archive\n")
	}
	for range 2 * maxLog / 1000 {
		write("LOG:  " + strings.Repeat("x", 1000) + "\n")
	}
	write("LOG:  recovery stopping before commit of transaction 1\nthe last line")
	text := l.text()
	if !strings.HasPrefix(text, "ERROR: the first\n") || strings.Contains(text, "restored log file") || !strings.Contains(text, "recovery stopping") || len(text) > maxLog+10000 {
		t.Errorf("kept %d bytes: %.100q … %q", len(text), text, text[len(text)-100:])
	}
	if !strings.Contains(shown.String(), "restored log file") || !strings.HasSuffix(shown.String(), "the last line\n") {
		t.Error("the log of the container is not whole")
	}
}

func TestConninfo(t *testing.T) {
	t.Parallel()
	c := connection{socket: "/run/s", major: 17}
	const common = " connect_timeout=60 application_name=stanzaflow-drill options='-c timezone=UTC -c datestyle=ISO"
	const of = " -c zero_damaged_pages=off -c ignore_checksum_failure=off -c default_transaction_read_only=off -c statement_timeout=0" +
		" -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 -c transaction_timeout=0"
	for user, options := range map[string]string{superuser: of, "reader": ""} {
		want := `dbname='it\'s a \\ = name' host='/run/s' port=5432 user='` + user + "'" + common + options + "'"
		if diff := cmp.Diff(want, c.conninfo(`it's a \ = name`, user)); diff != "" {
			t.Errorf("conninfo (-want +got):\n%s", diff)
		}
	}
}

// TestReaderStatements: the role has no rights to set what hides damage, so it gets it. It
// can only read, and not for ever: the last statement wins.
func TestReaderStatements(t *testing.T) {
	t.Parallel()
	want := []string{
		"CREATE ROLE r LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS",
		"GRANT pg_read_all_data TO r",
		"ALTER ROLE r SET zero_damaged_pages=off",
		"ALTER ROLE r SET ignore_checksum_failure=off",
		"ALTER ROLE r SET default_transaction_read_only=off",
		"ALTER ROLE r SET statement_timeout=0",
		"ALTER ROLE r SET lock_timeout=0",
		"ALTER ROLE r SET idle_in_transaction_session_timeout=0",
		"ALTER ROLE r SET idle_session_timeout=0",
		"ALTER ROLE r SET default_transaction_read_only=on",
		"ALTER ROLE r SET statement_timeout='600s'",
		`GRANT CONNECT ON DATABASE "a""b" TO r`,
	}
	if diff := cmp.Diff(want, readerStatements("r", []string{`a"b`}, 16)); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
}
