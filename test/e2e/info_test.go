// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// listedBackup is what the tests read of pgbackrest info themselves: they do not
// trust the product's own reading of it.
type listedBackup struct {
	Label      string            `json:"label"`
	Type       string            `json:"type"`
	Error      bool              `json:"error"`
	Annotation map[string]string `json:"annotation"`
	Timestamp  struct {
		Start int64 `json:"start"`
		Stop  int64 `json:"stop"`
	} `json:"timestamp"`
	Database struct {
		RepoKey int `json:"repo-key"`
	} `json:"database"`
	Archive struct {
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

// proven compares a green run with what pgbackrest info and the archive say in a
// pod, read by the test.
func (k *kit) proven(t testing.TB, workflow *wfv1.Workflow, pod string) listedBackup {
	t.Helper()
	r := reportOf(t, workflow)
	found := byRun(k.info(t, pod), string(workflow.UID))
	if len(found) != 1 {
		t.Fatalf("workflow %s succeeded, and pgbackrest info lists %d backups of it", workflow.Name, len(found))
	}
	b := found[0]
	if b.Error || b.Label != r.Backup.Label || b.Archive.Stop != r.Backup.WALStop || fmt.Sprintf("repo%d", b.Database.RepoKey) != r.Repo {
		t.Errorf("workflow %s: pgbackrest info lists %+v, the report says %+v", workflow.Name, b, r.Backup)
	}
	repo := fmt.Sprintf("--repo=%d", b.Database.RepoKey)
	listing := k.run(t, pod, "pgbackrest", "repo-ls", repo, "--recurse", "--filter="+b.Archive.Stop, "archive/db")
	if !strings.Contains(listing, b.Archive.Stop+"-") {
		t.Errorf("backup %s: its last WAL segment %s is not in the archive:\n%s", b.Label, b.Archive.Stop, listing)
	}
	return b
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
