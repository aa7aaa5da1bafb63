// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"testing"
)

// listedBackup is what the tests read of pgbackrest info themselves: they do not
// trust the product's own reading of it.
type listedBackup struct {
	Label      string            `json:"label"`
	Type       string            `json:"type"`
	Error      bool              `json:"error"`
	Annotation map[string]string `json:"annotation"`
	Archive    struct {
		Start string `json:"start"`
		Stop  string `json:"stop"`
	} `json:"archive"`
}

func (k *kit) info(t testing.TB, pod string) []listedBackup {
	t.Helper()
	out := k.run(t, pod, "pgbackrest", "info", "--stanza=db", "--output=json")
	var stanzas []struct {
		Backup []listedBackup `json:"backup"`
	}
	if err := json.Unmarshal([]byte(out), &stanzas); err != nil || len(stanzas) != 1 {
		t.Fatalf("pgbackrest info: %v\n%s", err, out)
	}
	return stanzas[0].Backup
}

// byRun finds the backups that carry the UID of a Workflow.
func byRun(backups []listedBackup, uid string) []listedBackup {
	var found []listedBackup
	for _, b := range backups {
		if b.Annotation["stanzaflow-run"] == uid {
			found = append(found, b)
		}
	}
	return found
}

func labels(backups []listedBackup, backupType string) []string {
	var found []string
	for _, b := range backups {
		if backupType == "" || b.Type == backupType {
			found = append(found, b.Label)
		}
	}
	return found
}
