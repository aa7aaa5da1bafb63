//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"slices"
	"strings"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// testRefusedAmongSeveral: in a list of commands each must be one that may run alone, and
// nothing else of the list may differ.
func testRefusedAmongSeveral(t *testing.T, s *server) {
	version, info := pgbackrest.VersionCommand(), must(pgbackrest.InfoCommand("db", 1))
	good := remote.AheadCommand(testMark, version, info)
	if err := s.exec(t, exec{argv: good}); !admitted(err) {
		t.Fatalf("two good commands: %v", err)
	}
	second := slices.Index(good, "info") - 1
	for name, argv := range map[string][]string{
		"another command first":          remote.AheadCommand(testMark, []string{"id"}, version),
		"another command last":           remote.AheadCommand(testMark, version, []string{"id"}),
		"a shell":                        remote.AheadCommand(testMark, version, []string{"sh", "-c", "id"}),
		"several among several":          remote.AheadCommand(testMark, version, good),
		"another option of one":          remote.AheadCommand(testMark, version, with(info, "--config=/tmp/x")),
		"another statement":              remote.AheadCommand(testMark, version, remote.PsqlCommand("SELECT 1")),
		"an argument that holds two":     remote.AheadCommand(testMark, version, []string{"pgbackrest version"}),
		"an argument with the separator": remote.AheadCommand(testMark, version, []string{"pgbackrest\x1fversion"}),
		"a command in an argument":       remote.AheadCommand(testMark, []string{"pgbackrest", "version\x1f;\x1fid"}, version),
		"no command":                     remote.AheadCommand(testMark),
		"an empty command":               remote.AheadCommand(testMark, version, nil),
		"a command that does not end":    good[:len(good)-1],
		"a semicolon too many":           with(good, ";"),
		"something after the last":       with(good, "id"),
		"no semicolon between two":       slices.Delete(slices.Clone(good), second-1, second),
		"another script":                 at(2, "id", good),
		"a script with more":             at(2, good[2]+"; id", good),
		"a script with less":             at(2, strings.Replace(good[2], "eval", "", 1), good),
		"another shell":                  at(0, "bash", good),
		"a shell by a path":              at(0, "/tmp/sh", good),
		"an option of the shell":         slices.Insert(slices.Clone(good), 1, "-x"),
		"another name of the script":     at(3, "id", good),
		"a mark with a command in it":    at(4, testMark+"; id", good),
		"a mark that is too short":       at(4, testMark[1:], good),
		"no mark":                        slices.Delete(slices.Clone(good), 4, 5),
		"a restore point among them":     remote.AheadCommand(testMark, version, restorePointArgv("predeploy")),
	} {
		for _, container := range []string{cpo.ContainerPostgreSQL, cpo.ContainerRepoHost} {
			if err := s.exec(t, exec{container: container, argv: argv}); !contains(err, "only the commands of the steps") {
				t.Errorf("%s in %s: %q: %v", name, container, argv, err)
			}
		}
	}
	watch := exec{user: watcher, argv: good}
	if err := s.exec(t, watch); !contains(err, "the watch may exec only the commands of operator watch") {
		t.Errorf("several commands of the watch: %v", err)
	}
}
