// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/restoreplan"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
	"github.com/stanzaflow/stanzaflow/test/walkthrough"
)

// documentedID names the directories of the page, and documentedTarget is its target.
const (
	documentedID     = "20261128-134500"
	documentedTarget = "'2026-11-28 14:03:00+01'"
)

// testDocumentedRestore follows docs/restore.md line by line, for each of its ways, while a
// client is connected. After the undo everything is as before. After the other way the rows
// are those of the target, the old directory is there, and backups and archiving work.
func testDocumentedRestore(t *testing.T) {
	k := kit.New(t, "e2e-restore")
	k.DescribeFailure(t)
	k.Apply(t, "drill", "e2e-drill", k.Namespace)
	page := newRestorePage(t, k)
	k.CreateAccounts(t)
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance + 1 WHERE id % 3 = 0")
	atTarget, target := k.Checksums(t, kit.Primary), readClock(t, k)
	k.PSQL(t, kit.Primary, "DELETE FROM account WHERE id % 2 = 0")
	k.PSQL(t, kit.Primary, "CREATE TABLE mistake AS SELECT 1 AS i")
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	awaitAnswerable(t, k, target)
	k.PSQL(t, kit.Primary, "INSERT INTO account SELECT i, 'late', 0 FROM generate_series(30001, 30100) i")
	now := k.Checksums(t, kit.Primary)

	page.follow(t, "undo", target)
	kit.CheckSameData(t, now, k.Checksums(t, kit.Primary))
	checkDirectory(t, k, "data.failed-"+documentedID)
	if histories := historiesIn(t, k); len(histories) > 0 {
		t.Errorf("the restore was undone, and the archive has %v", histories)
	}
	checkRuns(t, k)

	page.follow(t, "open", target)
	kit.CheckSameData(t, atTarget, k.Checksums(t, kit.Primary))
	checkDirectory(t, k, "data.before-"+documentedID)
	if histories := historiesIn(t, k); len(histories) != 1 || !strings.HasSuffix(histories[0], "/00000002.history") {
		t.Errorf("the database was opened once, and the archive has the histories %v", histories)
	}
	// The directory is as the shutdown has left it.
	if left := k.Exec(t, kit.Primary, "find", cpo.PGDataPath+".before-"+documentedID+"/pg_wal", "-name", "*.ready"); left != "" {
		t.Errorf("PostgreSQL was stopped with -m fast, and these segments are not archived:\n%s", left)
	}
	backups := k.Backups(t, kit.Primary)
	if newest := backups[len(backups)-1]; newest.Type != "full" || newest.Error || !strings.HasPrefix(newest.Archive.Start, "00000002") {
		t.Errorf("the newest backup after the restore is %+v, want a full of timeline 2", newest)
	}
	checkRuns(t, k)
}

// checkRuns checks that PostgreSQL archives, and that the schedules are not stopped.
func checkRuns(t *testing.T, k *kit.Kit) {
	t.Helper()
	k.PSQL(t, kit.Primary, "CREATE TABLE writable AS SELECT 1 AS i")
	k.PSQL(t, kit.Primary, "DROP TABLE writable")
	k.AwaitArchived(t)
	if k.Stanza(t).Spec.Suspend {
		t.Error("the schedules are still stopped")
	}
}

// checkDirectory checks that a data directory is there which nobody may have deleted.
func checkDirectory(t *testing.T, k *kit.Kit, name string) {
	t.Helper()
	parent := filepath.Dir(cpo.PGDataPath)
	if out, err := k.TryExec(t.Context(), kit.Primary, "test", "-s", parent+"/"+name+"/PG_VERSION"); err != nil {
		t.Errorf("there is no directory %s: %v %s\n%s", name, err, out, k.Exec(t, kit.Primary, "ls", "-la", parent))
	}
}

// historiesIn are the histories of timelines in the archive of repo1.
func historiesIn(t *testing.T, k *kit.Kit) []string {
	t.Helper()
	var histories []string
	for path := range k.RepoFiles(t, kit.Primary, "1") {
		if strings.HasSuffix(path, ".history") {
			histories = append(histories, path)
		}
	}
	return histories
}

// readClock is the time of PostgreSQL, after all that was committed before.
func readClock(t *testing.T, k *kit.Kit) time.Time {
	t.Helper()
	text := k.PSQL(t, kit.Primary, "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')")
	moment, err := time.Parse("2006-01-02 15:04:05.000000", text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// awaitAnswerable waits until the plan can prove a moment, and a drill can restore to it.
func awaitAnswerable(t *testing.T, k *kit.Kit, target time.Time) {
	t.Helper()
	wait.Until(t, 2*time.Minute, "the Stanza knows a commit not before the target, and the drills are described", func() (bool, string) {
		var config corev1.ConfigMap
		err := k.TryGet(t.Context(), "cluster"+vocab.DrillConfigSuffix, &config)
		repos := k.Stanza(t).Status.Repos
		known := slices.ContainsFunc(repos, func(r stanzaflowv1alpha1.RepoStatus) bool {
			return r.Restorable != nil && !r.Restorable.Newest.Time.Before(target)
		})
		return err == nil && known, fmt.Sprintf("%v, target %s, repos %+v", err, target, repos)
	})
}

// restorePage is docs/restore.md, and what a person has who follows it.
type restorePage struct {
	*kit.Kit

	blocks []walkthrough.Block
	// dir is the working directory, and bin has the plugin of kubectl.
	dir, bin string
}

func newRestorePage(t *testing.T, k *kit.Kit) *restorePage {
	t.Helper()
	text, err := os.ReadFile(program.Checkout + "/docs/restore.md")
	if err != nil {
		t.Fatal(err)
	}
	p := &restorePage{Kit: k, dir: t.TempDir(), bin: t.TempDir()}
	if p.blocks, err = walkthrough.Blocks(string(text)); err != nil {
		t.Fatalf("docs/restore.md: %v", err)
	}
	operator, err := filepath.Abs(program.Checkout + "/bin/operator")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(operator, p.bin+"/kubectl-stanzaflow"); err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	documentedRestore = regexp.MustCompile(`(?m)pgbackrest restore --stanza=.*$`)
	cleanShutdown     = regexp.MustCompile(`(?m)^Database cluster state: +shut down$`)
)

// follow runs the lines of the page for a way. The names, the target and the restore are
// those of this cluster: the page has those of its example.
func (p *restorePage) follow(t *testing.T, way string, target time.Time) {
	t.Helper()
	answer := planTo(t, p.Kit, target)
	script, err := walkthrough.Script(p.blocks, "docs/restore.md", way, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(documentedRestore.FindAllString(script, -1)); n != 1 {
		t.Fatalf("docs/restore.md restores %d times, want once:\n%s", n, script)
	}
	script = documentedRestore.ReplaceAllLiteralString(script, answer.Restore)
	script = strings.NewReplacer(
		"-n cpo", "-n "+p.Namespace, "namespace: cpo", "namespace: "+p.Namespace,
		documentedTarget, "'"+restoreplan.FormatTarget(target)+"'",
	).Replace(script)

	p.holdConnection(t)
	began := time.Now()
	out, err := program.TryRun(t.Context(), p.dir, []string{"PATH=" + p.bin + ":" + os.Getenv("PATH")}, "bash", "-c", script)
	t.Logf("docs/restore.md, way %s:\n%s\nprints:\n%s", way, script, out)
	if err != nil {
		t.Fatalf("docs/restore.md, way %s: %v\n%.4000s", way, err, out)
	}
	fmt.Printf("MEASURED docs/restore.md, way %s: %.0f s\n", way, time.Since(began).Seconds())
	if !cleanShutdown.MatchString(out) {
		t.Errorf("PostgreSQL was not shut down cleanly:\n%s", out)
	}
	if way == "open" && !strings.Contains(out, "Proven: full backup") {
		t.Errorf("no full backup is proven:\n%s", out)
	}
	p.AwaitPod(t, kit.Primary)
}

// holdConnection is a client that stays, for which a smart shutdown waits. It is no orphan
// in the container: PostgreSQL, the first process there, would take its end for the crash of
// a server process.
func (p *restorePage) holdConnection(t *testing.T) {
	t.Helper()
	go func() {
		_, _ = p.TryExec(t.Context(), kit.Primary, "psql", "-X", "-h", "/var/run/postgresql", "-U", "postgres", "-c", "SELECT pg_sleep(3600)")
	}()
	wait.Until(t, time.Minute, "the client is connected", func() (bool, string) {
		n := p.PSQL(t, kit.Primary, "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(3600)'")
		return n == "1", n
	})
}
