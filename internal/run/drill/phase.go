// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

func (r *restore) fail(e End) error { return &failed{Diagnose(r.plan, e)} }

// prepare makes the folders, and looks whether there is a pgBackRest.
func (r *restore) prepare(ctx context.Context) error {
	if err := checkParameters(r.plan.Config.Parameters); err != nil {
		return &failed{person("%v", err)}
	}
	for _, dir := range r.scratch.folders() {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return &failed{person("cannot write to the volume of the drill: %v; see whether fsGroup fits runAsUser", err)}
		}
	}
	// Kubernetes gives the root of a volume to a group, and PostgreSQL refuses that for its
	// own directory.
	for _, dir := range []string{r.scratch.data, r.scratch.socket} {
		if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory needs the right to enter
			return &failed{person("cannot write to the volume of the drill: %v; see whether fsGroup fits runAsUser", err)}
		}
	}
	stdout, stderr, code := r.programs.capture(ctx, versionCommand)
	if code != 0 {
		return r.fail(End{Phase: PhaseStart, Code: code, Log: stderr + stdout})
	}
	r.logf("%s", strings.TrimSpace(stdout))
	return nil
}

// restoreBackup runs pgbackrest restore, and looks at what it has restored.
func (r *restore) restoreBackup(ctx context.Context) error {
	argv := restoreCommand(r.plan, r.scratch)
	r.logf("%s", strings.Join(argv, " "))
	log := &logbook{to: r.Log}
	began := r.Clock.Now()
	code := r.programs.run(ctx, argv, log, log)
	r.report.Drill.RestoreSeconds = r.Clock.Since(began).Seconds()
	if code != 0 {
		text := log.text()
		return r.fail(End{Phase: PhaseRestore, Code: code, Log: text, Expired: missesSet(code, text) && r.expired(ctx)})
	}
	return r.inspect(ctx)
}

// expired reports whether the repo can be read and does not list the backup any more.
func (r *restore) expired(ctx context.Context) bool {
	stdout, _, code := r.programs.capture(ctx, infoCommand(r.report.Repo))
	info, err := pgbackrest.ParseInfo([]byte(stdout), vocab.PgBackRestStanza)
	if code != 0 || err != nil {
		return false
	}
	repo, _ := strconv.Atoi(repoNumber(r.report.Repo))
	of, known := info.Repo(repo)
	_, listed := info.Backup(repo, r.report.Drill.Backup)
	return known && of.Status.Code == pgbackrest.StatusOK && !listed
}

// inspect finds the PostgreSQL for the restored data, and what it says of the data.
func (r *restore) inspect(ctx context.Context) error {
	version, err := os.ReadFile(filepath.Join(r.scratch.data, "PG_VERSION"))
	if err != nil {
		return &failed{person("the restored data has no PG_VERSION: %v", err)}
	}
	text := strings.TrimSpace(string(version))
	folder := r.programs.findBinaries(ctx, r.plan.Config.BinDir, text)
	if folder == "" {
		return r.fail(End{Phase: PhaseBinaries, Version: text})
	}
	major, _ := strconv.Atoi(text) // The programs of that version were found.
	r.db = connection{programs: r.programs, binDir: folder, socket: r.scratch.socket, major: major}
	stdout, stderr, code := r.programs.capture(ctx, []string{r.db.program("pg_controldata"), "-D", r.scratch.data})
	if code != 0 {
		return &failed{person("pg_controldata cannot read the restored data: %s", complaint(stderr, code))}
	}
	if r.control, err = parseControlData(stdout); err != nil {
		return &failed{person("%v", err)}
	}
	r.control.major = major
	if want := r.plan.SystemID; want != "" && want != r.control.systemID {
		return &failed{person("backup %s is of the database with the system identifier %s, and %s is of %s: see whether two clusters use one repo",
			r.report.Drill.Backup, r.control.systemID, r.report.Repo, want)}
	}
	return nil
}

// replay starts PostgreSQL and waits until it has ended recovery. If the image lacks a
// library, PostgreSQL starts once more without it.
func (r *restore) replay(ctx context.Context) error {
	for file, content := range r.scratch.files() {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return fmt.Errorf("cannot write to the volume of the drill: %w", err)
		}
	}
	began := r.Clock.Now()
	libraries := r.plan.libraries()
	var missing []string
	log, err := r.recover(ctx, libraries)
	for err != nil {
		name, found := missingLibrary(log)
		if !found || !slices.Contains(libraries, name) {
			return err
		}
		r.logf("the image has no library %s: PostgreSQL starts without it", name)
		missing = append(missing, name)
		libraries = slices.DeleteFunc(libraries, func(have string) bool { return have == name })
		log, err = r.recover(ctx, libraries)
	}
	r.report.Drill.ReplaySeconds = r.Clock.Since(began).Seconds()
	message := ""
	if len(missing) > 0 {
		message = "without the libraries " + strings.Join(missing, ", ") + ", which the image does not have"
	}
	r.report.Drill.Checks = append(r.report.Drill.Checks, report.Check{Name: report.CheckReached, Message: message})
	return nil
}

// recover starts PostgreSQL and returns when it has ended recovery, or itself.
func (r *restore) recover(ctx context.Context, libraries []string) (string, error) {
	argv := serverCommand(r.db.program(serverProgram), r.plan, r.scratch, r.control, libraries)
	r.logf("%s", strings.Join(argv, " "))
	log := &logbook{to: r.Log}
	var err error
	if r.server, err = r.programs.start(ctx, argv, log); err != nil {
		return "", &failed{person("PostgreSQL does not start: %v; set restorePod.image", err)}
	}
	for {
		if r.server.ended() {
			return log.text(), r.fail(End{Phase: PhaseReplay, Code: r.server.code, Log: log.text(), Reached: Reached{SegmentBytes: r.control.segmentBytes}})
		}
		var s state
		if err := r.db.query(ctx, stateStatement, &s); err == nil && !s.InRecovery {
			return log.text(), nil
		}
		if err := r.clock.Sleep(ctx, r.Poll); err != nil {
			return log.text(), err
		}
	}
}
