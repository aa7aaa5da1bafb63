// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	corev1 "k8s.io/api/core/v1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// tampering is one way in which a restore does not give the data.
type tampering struct {
	name string
	// do breaks something before the drill. Its result repairs what a full backup does not.
	do func(t *testing.T, k *kit.Kit, label string) (repair func())
	// during breaks something while the drill runs.
	during func(t *testing.T, k *kit.Kit, workflow string)
	// want are texts of which the message of the drill must have one.
	want []string
	// missing: the drill must say that data are missing.
	missing bool
	// drill is newest unless it is set.
	drill string
}

const (
	// anySegment prints the path of a WAL segment: the n-th before the newest.
	anySegment = `set -eo pipefail; nth() { pgbackrest repo-ls --repo=1 --recurse archive/db | grep -E '/[0-9A-F]{24}-' | sort | tail -n "$1" | head -n 1 | sed 's|^|archive/db/|'; }; `
	// backupFile prints the path of a file with data of a backup.
	backupFile = `set -eo pipefail; file() { pgbackrest repo-ls --repo=1 --recurse "backup/db/$1" | grep -E '^pg_data/base/.*\.(gz|lz4|zst)$|^bundle/[0-9]+(\.[a-z0-9]+)?$' | sort | tail -n 1 | sed "s|^|backup/db/$1/|"; }; `
	flipMiddle = `f=$(mktemp); pgbackrest repo-get --raw --repo=1 "$p" >"$f"; n=$(($(stat -c %s "$f") / 2))
b=$(od -An -tu1 -j "$n" -N 1 "$f" | tr -d ' '); printf "\\x$(printf %x $((b ^ 255)))" | dd of="$f" bs=1 seek=$n conv=notrunc status=none
pgbackrest repo-put --raw --repo=1 "$p" <"$f"; rm "$f"`
)

func inRepo(script string) func(*testing.T, *kit.Kit, string) func() {
	return func(t *testing.T, k *kit.Kit, label string) func() {
		t.Helper()
		k.Exec(t, kit.Primary, "bash", "-c", script, "-", label)
		return nil
	}
}

// inStanza patches the Stanza, and takes it back.
func inStanza(patch, back string) func(*testing.T, *kit.Kit, string) func() {
	return func(t *testing.T, k *kit.Kit, _ string) func() {
		t.Helper()
		k.PatchStanza(t, patch)
		return func() { k.PatchStanza(t, back) }
	}
}

// tamperings are the ways. After each a full backup and another drill must be good.
var tamperings = []tampering{
	{name: "a WAL segment in the middle is deleted", do: inRepo(anySegment + `p=$(nth 3); pgbackrest repo-rm --repo=1 "$p"`), missing: true},
	{name: "the newest WAL segment is deleted", do: inRepo(anySegment + `p=$(nth 1); pgbackrest repo-rm --repo=1 "$p"`), missing: true},
	{name: "a WAL segment is cut", do: inRepo(anySegment + `p=$(nth 2); pgbackrest repo-get --raw --repo=1 "$p" | head -c 3000 >/tmp/cut; pgbackrest repo-put --raw --repo=1 "$p" </tmp/cut`), missing: true},
	{name: "a WAL segment has another one's content", do: inRepo(anySegment + `p=$(nth 2); q=$(nth 3); pgbackrest repo-get --raw --repo=1 "$q" >/tmp/other; pgbackrest repo-put --raw --repo=1 "$p" </tmp/other`), missing: true},
	{name: "a byte of a file of the backup has changed", do: inRepo(backupFile + `p=$(file "$1"); ` + flipMiddle), want: []string{"damaged", "checksum", "[029]", "[039]", "[095]"}},
	{name: "a file of the backup is deleted", do: inRepo(backupFile + `p=$(file "$1"); pgbackrest repo-rm --repo=1 "$p"`), want: []string{"missing", "[055]"}},
	{name: "the manifest of the backup is damaged", do: inRepo(`for p in "backup/db/$1/backup.manifest" "backup/db/$1/backup.manifest.copy"; do echo x | pgbackrest repo-put --raw --repo=1 "$p"; done`), want: []string{"manifest", "damaged", "checksum", "[029]", "[055]", "[103]"}},
	{name: "the image has another major version", do: inStanza(`{"spec":{"restorePod":{"image":"stanzaflow.local/postgres:15-pgbackrest-2.45"}}}`, `{"spec":{"restorePod":{"image":null}}}`), want: []string{"does not know the PostgreSQL of backup"}},
	{name: "the image has no pgBackRest", do: inStanza(`{"spec":{"restorePod":{"image":"stanzaflow.local/busybox:1.37"}}}`, `{"spec":{"restorePod":{"image":null}}}`), want: []string{"pgBackRest"}},
	{name: "the key cannot read", do: func(t *testing.T, k *kit.Kit, _ string) func() {
		t.Helper()
		k.WriteSecret(t, "wrong-key", map[string]string{"s3.conf": "[global]\nrepo1-s3-key=quickstart\nrepo1-s3-key-secret=another\nrepo1-s3-uri-style=path\nrepo1-storage-verify-tls=n\n"})
		k.PatchStanza(t, `{"spec":{"restorePod":{"secret":"wrong-key"}}}`)
		return func() { k.PatchStanza(t, `{"spec":{"restorePod":{"secret":null}}}`) }
	}, want: []string{"repo1 could not be read"}},
	{name: "a row is missing", do: func(t *testing.T, k *kit.Kit, _ string) func() {
		t.Helper()
		k.PSQL(t, kit.Primary, "DELETE FROM account WHERE id = 1")
		return func() { k.PSQL(t, kit.Primary, "INSERT INTO account VALUES (1, 'owner 1', 1.5)") }
	}, want: []string{"accounts", "19999"}},
	{name: "somebody stops the drill", during: stopDrill},
	{name: "the quota of the namespace allows no volume", do: func(t *testing.T, k *kit.Kit, _ string) func() {
		t.Helper()
		var claims corev1.PersistentVolumeClaimList
		k.List(t, &claims)
		program.Kubectl(t, "create", "quota", "-n", k.Namespace, "no-volume", fmt.Sprintf("--hard=persistentvolumeclaims=%d", len(claims.Items)))
		return func() { program.Kubectl(t, "delete", "quota", "-n", k.Namespace, "no-volume") }
	}, during: func(t *testing.T, k *kit.Kit, workflow string) {
		t.Helper()
		wait.Until(t, 5*time.Minute, "the pod that restores waits for its volume", func() (bool, string) {
			got := program.Kubectl(t, "get", "pods", "-n", k.Namespace, "-l", kit.LabelWorkflow+"="+workflow, "-o", "jsonpath={.items[*].status}")
			return strings.Contains(got, "ephemeral volume controller"), got
		})
		stopDrill(t, k, workflow)
	}},
	{name: "somebody deletes the pod again and again", during: func(t *testing.T, k *kit.Kit, workflow string) {
		t.Helper()
		wait.Until(t, 5*time.Minute, "the drill has lost all its pods", func() (bool, string) {
			// One that has not started yet Argo creates again, as often as it takes.
			program.RetryKubectl(t, "delete", "pod", "-n", k.Namespace, "-l", kit.LabelWorkflow+"="+workflow, "--field-selector=status.phase=Running", "--force", "--grace-period=0", "--ignore-not-found")
			phase := program.Kubectl(t, "get", "workflow", "-n", k.Namespace, workflow, "-o", "jsonpath={.status.phase}")
			return phase == "Failed" || phase == "Error", phase
		})
	}},
	{name: "the expectation cannot be met: the primary archives into nothing", do: func(t *testing.T, k *kit.Kit, _ string) func() {
		t.Helper()
		k.PSQL(t, kit.Primary, "ALTER SYSTEM SET archive_command = '/bin/true'")
		k.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
		return func() {
			k.PSQL(t, kit.Primary, "ALTER SYSTEM RESET archive_command")
			k.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
		}
	}},
}

// stopDrill is `argo stop`.
func stopDrill(t *testing.T, k *kit.Kit, workflow string) {
	t.Helper()
	program.Kubectl(t, "patch", "workflow", "-n", k.Namespace, workflow, "--type=merge", "-p", `{"spec":{"shutdown":"Stop"}}`)
}

// testDrillTampered tampers with everything that a restore needs, in turn. Each drill is
// red, says why, and leaves nothing; the next one, after a full backup, is good.
func testDrillTampered(t *testing.T) {
	k := kit.New(t, "e2e-drill-tampered")
	k.Apply(t, "drill", "e2e-drill", k.Namespace, "e2e-drill.svc", k.Namespace+".svc")
	k.CreateAccounts(t)
	k.SetDrills(t, accountDrills)
	for _, tampered := range tamperings {
		t.Run(strings.ReplaceAll(tampered.name, " ", "-"), func(t *testing.T) { tamper(t, k, tampered) })
	}
	restoreToTheEnd(t, k)
}

func tamper(t *testing.T, k *kit.Kit, tampered tampering) {
	t.Helper()
	_, made := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	for range 4 {
		k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance + 1 WHERE id % 3 = 0")
		k.AwaitArchived(t)
	}
	began := time.Now()
	repair := func() {}
	if tampered.do != nil {
		if back := tampered.do(t, k, made.Backup.Label); back != nil {
			repair = back
		}
	}
	name := k.SubmitDrill(t, "cluster=cluster", "drill="+cmp.Or(tampered.drill, "newest"))
	if tampered.during != nil {
		tampered.during(t, k, name)
	}
	workflow := k.AwaitRun(t, name)
	fmt.Printf("MEASURED %s: red after %.0f s\n", tampered.name, time.Since(began).Seconds())
	checkRed(t, tampered, workflow)
	repair()
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	k.GoodDrill(t, "cluster=cluster", "drill=newest")
}

// checkRed checks that a drill has failed, and says why. A drill that was stopped or lost
// its pod has no report.
func checkRed(t *testing.T, tampered tampering, workflow *wfv1.Workflow) {
	t.Helper()
	if workflow.Status.Phase == wfv1.WorkflowSucceeded {
		t.Errorf("the drill has succeeded: %s", kit.Output(workflow, vocab.OutputReport))
		return
	}
	r, err := kit.TryReport(workflow)
	fmt.Printf("%s: %s (%v)\n", tampered.name, r.Message, err)
	if len(tampered.want) == 0 && !tampered.missing {
		return
	}
	if err != nil {
		t.Errorf("the drill has no report: %v", err)
		return
	}
	if missing := r.Drill != nil && r.Drill.DataMissing; missing != tampered.missing {
		t.Errorf("the drill says %t of missing data, want %t: %s", missing, tampered.missing, r.Message)
	}
	if len(tampered.want) > 0 && !slices.ContainsFunc(tampered.want, func(text string) bool { return strings.Contains(r.Message, text) }) {
		t.Errorf("the drill says %q, want one of %q", r.Message, tampered.want)
	}
}
