// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
)

func TestNot(t *testing.T) {
	t.Parallel()
	storages := []string{"s3", "azure", "gcs", "pvc"}
	for value, want := range map[string]string{
		"blob":                               `, not "blob"`,
		"S3":                                 `, not "S3"; did you mean s3?`,
		"azur":                               `, not "azur"; did you mean azure?`,
		"Europe/Wien":                        `, not "Europe/Wien"`,
		"15 GB":                              `, not "15 GB"`,
		"15gb":                               `, not "15gb"`,
		"25":                                 `, not "25"`,
		"*/0":                                `, not "*/0"`,
		"repo5":                              `, not "repo5"`,
		"Repo-1":                             `, not "Repo-1"`,
		"":                                   "",
		"hunter2":                            "",
		"correct horse battery":              "",
		"AKIAIOSFODNN7EXAMPLE":               "",
		"azure hunter2":                      "",
		"aB3+/xY9zQ==":                       "",
		"s3\nhunter":                         "",
		"{{x}}":                              "",
		"https://u:p@h":                      "",
		"abcdefghijklmnopqrstuvwxyzabcdefgh": "",
	} {
		if got := problem.Not(value, storages); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}
