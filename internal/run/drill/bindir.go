// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"path/filepath"
	"regexp"
)

var versionOfPostgres = regexp.MustCompile(`\(PostgreSQL\) ([0-9]+)`)

// findBinaries returns the folder of a major version of PostgreSQL: that of the user, else
// that on PATH, else where packages put it. Empty if none has that version.
func (p programs) findBinaries(ctx context.Context, configured, major string) string {
	folders := []string{configured}
	if configured == "" {
		folders = nil
		if postgres, found := p.find(serverProgram); found {
			folders = append(folders, filepath.Dir(postgres))
		}
		folders = append(folders, "/usr/lib/postgresql/"+major+"/bin", "/usr/pgsql-"+major+"/bin", "/usr/local/bin")
	}
	for _, folder := range folders {
		version, _, code := p.capture(ctx, []string{filepath.Join(folder, serverProgram), "--version"})
		if match := versionOfPostgres.FindStringSubmatch(version); code == 0 && match != nil && match[1] == major {
			return folder
		}
	}
	return ""
}
