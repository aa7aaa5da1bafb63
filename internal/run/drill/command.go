// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"path/filepath"
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// scratch is the volume of a drill.
type scratch struct {
	// mount is where it is mounted, data is pg1-path.
	mount, data string
	// socket is the directory of PostgreSQL's socket, on another volume.
	socket string
}

func (s scratch) tablespaces() string { return filepath.Join(s.mount, "tablespaces") }
func (s scratch) drill() string       { return filepath.Join(s.mount, "drill") }
func (s scratch) configFile() string  { return filepath.Join(s.drill(), "postgresql.conf") }
func (s scratch) hbaFile() string     { return filepath.Join(s.drill(), "pg_hba.conf") }
func (s scratch) identFile() string   { return filepath.Join(s.drill(), "pg_ident.conf") }

// folders are those that pgBackRest and PostgreSQL need.
func (s scratch) folders() []string {
	return []string{
		s.data, filepath.Join(s.mount, program, "log"), filepath.Join(s.mount, program, "spool-path"),
		s.tablespaces(), s.drill(), s.socket,
	}
}

// program is pgBackRest, and the folder of its files on the volume.
const program = "pgbackrest"

// versionCommand finds out whether there is a pgBackRest at all.
var versionCommand = []string{program, "version"}

// infoCommand asks which backups the repo lists.
func infoCommand(repo string) []string {
	return []string{
		program, "info", "--stanza=" + vocab.PgBackRestStanza, "--repo=" + repoNumber(repo), "--output=json",
		"--io-timeout=10", "--log-level-console=off", "--log-level-stderr=warn",
	}
}

// restoreCommand restores exactly what the plan says. pgBackRest chooses nothing: neither
// the backup, nor the repo, nor the timeline.
func restoreCommand(p Plan, s scratch) []string {
	d := p.Report.Drill
	argv := []string{
		program, "restore", "--stanza=" + vocab.PgBackRestStanza, "--repo=" + repoNumber(p.Report.Repo), "--set=" + d.Backup,
		"--archive-mode=off", "--tablespace-map-all=" + s.tablespaces(),
	}
	argv = append(argv, targetArguments(p)...)
	return append(argv, "--log-level-console=info", "--log-level-stderr=warn")
}

// targetArguments has target-action exactly when there is a target: pgBackRest refuses it
// without one, and PostgreSQL shuts down at a target without it.
func targetArguments(p Plan) []string {
	d, timeline := p.Report.Drill, "--target-timeline="+p.Timeline
	switch {
	case d.Moment != nil:
		return []string{"--type=time", "--target=" + restoreplan.FormatTarget(*d.Moment), "--target-action=promote", timeline}
	case d.Target == string(stanzaflowv1alpha1.TargetImmediate):
		return []string{"--type=immediate", "--target-action=promote"}
	}
	return []string{timeline}
}

func repoNumber(repo string) string { return strings.TrimPrefix(repo, "repo") }
