// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Backup is what the tests read of pgbackrest info themselves: they do not trust the
// product to read it.
type Backup struct {
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

// Backups lists what pgbackrest info lists in a pod.
func (k *Kit) Backups(t testing.TB, pod string) []Backup {
	t.Helper()
	out := k.Exec(t, pod, "pgbackrest", "info", "--stanza=db", "--output=json")
	var stanzas []struct {
		Backup []Backup `json:"backup"`
	}
	if err := json.Unmarshal([]byte(out), &stanzas); err != nil || len(stanzas) != 1 {
		t.Fatalf("pgbackrest info: %v\n%s", err, out)
	}
	return stanzas[0].Backup
}

// OfRun returns the backups that carry the UID of a Workflow.
func OfRun(backups []Backup, workflow *wfv1.Workflow) []Backup {
	var found []Backup
	for _, b := range backups {
		if b.Annotation[vocab.BackupAnnotation] == string(workflow.UID) {
			found = append(found, b)
		}
	}
	return found
}

// Labels returns the labels of the backups of a type. An empty type is any.
func Labels(backups []Backup, backupType string) []string {
	var found []string
	for _, b := range backups {
		if backupType == "" || b.Type == backupType {
			found = append(found, b.Label)
		}
	}
	return found
}

// ProvenBackup returns the backup of a successful run. It compares the report of the
// run with what the test itself reads of pgbackrest info and of the archive in a pod.
func (k *Kit) ProvenBackup(t testing.TB, workflow *wfv1.Workflow, pod string) Backup {
	t.Helper()
	r := Report(t, workflow)
	found := OfRun(k.Backups(t, pod), workflow)
	if len(found) != 1 {
		t.Fatalf("workflow %s succeeded, and pgbackrest info lists %d backups of it", workflow.Name, len(found))
	}
	b := found[0]
	if b.Error || b.Label != r.Backup.Label || b.Archive.Stop != r.Backup.WALStop || fmt.Sprintf("repo%d", b.Database.RepoKey) != r.Repo {
		t.Errorf("workflow %s: pgbackrest info lists %+v, the report says %+v", workflow.Name, b, r.Backup)
	}
	repo := fmt.Sprintf("--repo=%d", b.Database.RepoKey)
	listing := k.Exec(t, pod, "pgbackrest", "repo-ls", repo, "--recurse", "--filter="+b.Archive.Stop, "archive/db")
	if !strings.Contains(listing, b.Archive.Stop+"-") {
		t.Errorf("backup %s: its last WAL segment %s is not in the archive:\n%s", b.Label, b.Archive.Stop, listing)
	}
	return b
}

// CheckEncrypted looks at the first bytes of a file as the store has it: OpenSSL
// marks what it encrypts, and pgBackRest uses its format.
func (k *Kit) CheckEncrypted(t testing.TB, pod, repo string, want bool) {
	t.Helper()
	raw := k.Exec(t, pod, "pgbackrest", "repo-get", "--repo="+repo, "--raw", "backup/db/backup.info")
	if got := strings.HasPrefix(raw, "Salted__"); got != want {
		t.Errorf("backup.info of repo%s is encrypted: %v, want %v", repo, got, want)
	}
}
