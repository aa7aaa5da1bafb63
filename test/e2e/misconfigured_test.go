// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/credential"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

const (
	storeKeys  = "[global]\nrepo1-s3-key=quickstart\nrepo1-s3-key-secret=only-for-the-quickstart\nrepo1-s3-uri-style=path\nrepo1-storage-verify-tls=n\n"
	cipherPass = "repo1-cipher-pass=a-long-pass-phrase-of-the-test\n"
)

// testMisconfigured makes mistakes with encryption and archiving that would cost a
// backup, or its secrecy: a run fails before it makes a backup, and says what to do. What
// pgBackRest would refuse never replaces the configuration that works. The story makes
// one mistake of each kind, or all of them.
func testMisconfigured(t *testing.T, all bool) {
	k := kit.New(t, fmt.Sprintf("e2e-misconfigured-%v", all))
	k.Apply(t, "misconfigured")
	k.CreateAccounts(t)

	writeSecretIntoPod(t, k, map[string]string{credential.ConfigFile: storeKeys + cipherPass})
	awaitRefusal(t, k, "repo1-cipher-pass is set in store.conf", "backups would not be encrypted")
	k.PatchCluster(t, `[{"op":"add","path":"/spec/backup/pgbackrest/global/repo1-cipher-type","value":"aes-256-cbc"}]`)
	awaitLineInPod(t, k, cpo.ConfigFileName, "repo1-cipher-type=aes-256-cbc")
	if all {
		tryWrongSecrets(t, k)
	}

	writeSecretIntoPod(t, k, map[string]string{credential.ConfigFile: storeKeys + cipherPass})
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))

	writeSecretIntoPod(t, k, map[string]string{credential.ConfigFile: storeKeys + "repo1-cipher-pass=another-pass-phrase\n"})
	awaitRefusal(t, k, "cannot use repo1")
	writeSecretIntoPod(t, k, map[string]string{credential.ConfigFile: storeKeys + cipherPass})
	tryRefusedOptions(t, k)

	commands := map[string]string{
		"/bin/false": "archive_command in " + k.Namespace + "/cluster-0 (postgres) does not run pgbackrest",
	}
	if all {
		changeCipher(t, k)
		commands[`pgbackrest --stanza=other archive-push "%p"`] = "archives to stanza other"
		// This names pgBackRest, and archives nothing.
		commands[`: pgbackrest --stanza=db; false`] = "[082]"
	}
	tryArchiveCommands(t, k, commands)
	tryOptionsOfTheProof(t, k)
}

// tryOptionsOfTheProof sets options that would leave files, WAL or checks out of a backup
// that pgBackRest then calls good: where they are, a run sets its own.
func tryOptionsOfTheProof(t *testing.T, k *kit.Kit) {
	t.Helper()
	k.PatchCluster(t, `[{"op":"add","path":"/spec/backup/pgbackrest/global/archive-check","value":"n"},
		{"op":"replace","path":"/spec/backup/pgbackrest/global/archive-timeout","value":"60"}]`)
	awaitLineInPod(t, k, cpo.ConfigFileName, "archive-check=n")
	writeSecretIntoPod(t, k, map[string]string{credential.ConfigFile: storeKeys + cipherPass + "checksum-page=n\nexclude=base\n"})
	// Without archive-check the backup ends before its last segment is archived.
	k.PSQL(t, kit.Primary, `ALTER SYSTEM SET archive_command = 'sleep 8; pgbackrest --stanza=db archive-push "%p"'`)
	k.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
	_, r := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	size, err := strconv.ParseInt(k.PSQL(t, kit.Primary, "SELECT sum(pg_database_size(oid)) FROM pg_database"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if r.Backup.DatabaseBytes < size/2 {
		t.Errorf("the backup has %d bytes of databases of %d: exclude left files out", r.Backup.DatabaseBytes, size)
	}
	if attempts := r.Steps[len(r.Steps)-1].Attempts; attempts != 1 {
		t.Errorf("verify took %d attempts", attempts)
	}
}

// tryWrongSecrets writes Secrets with mistakes; pgBackRest itself does not report most
// of them.
func tryWrongSecrets(t *testing.T, k *kit.Kit) {
	t.Helper()
	writeSecretIntoPod(t, k, map[string]string{credential.ConfigFile: storeKeys})
	awaitRefusal(t, k, "repo1-cipher-type is set in pgbackrest_instance.conf", "repo1-cipher-pass is in no file")
	writeSecretIntoPod(t, k, map[string]string{credential.ConfigFile: storeKeys, "cipher.configuration": "[global]\n" + cipherPass})
	awaitRefusal(t, k, "does not read: rename cipher.configuration in Secret cluster-s3-credential")
	writeSecretIntoPod(t, k, map[string]string{credential.ConfigFile: storeKeys + cipherPass + "repo1-cipher-type=aes-256-cbc\n"})
	awaitRefusal(t, k, "repo1-cipher-type is set in", "pgBackRest does not start: remove it from")
}

// changeCipher removes the cipher: the configuration stays, so that archiving
// continues, and runs are refused.
func changeCipher(t *testing.T, k *kit.Kit) {
	t.Helper()
	wait.Until(t, time.Minute, "the Stanza has the cipher", func() (bool, string) {
		repos := k.Stanza(t).Status.Repos
		return len(repos) == 1 && repos[0].Cipher == "aes-256-cbc", fmt.Sprintf("%+v", repos)
	})
	before := k.ConfigMap(t).ResourceVersion
	k.PatchCluster(t, `[{"op":"remove","path":"/spec/backup/pgbackrest/global/repo1-cipher-type"}]`)
	wait.Until(t, time.Minute, "the Stanza says CipherChanged", func() (bool, string) {
		c := meta.FindStatusCondition(k.Stanza(t).Status.Conditions, vocab.ConditionAccepted)
		return c != nil && c.Reason == string(vocab.ReasonCipherChanged), fmt.Sprintf("%+v", c)
	})
	awaitRefusal(t, k, "repo1 in", "has cipher aes-256-cbc, and the postgresql resource asks for none")
	k.AwaitArchived(t)
	if now := k.ConfigMap(t).ResourceVersion; now != before {
		t.Error("the ConfigMap was changed to a cipher that the repo does not have")
	}
	k.PatchCluster(t, `[{"op":"add","path":"/spec/backup/pgbackrest/global/repo1-cipher-type","value":"aes-256-cbc"}]`)
	awaitAccepted(t, k, metav1.ConditionTrue, "")
}

// tryArchiveCommands sets each archive_command: the run says what is wrong with it.
// commands maps a command to these words.
func tryArchiveCommands(t *testing.T, k *kit.Kit, commands map[string]string) {
	t.Helper()
	for command, want := range commands {
		k.PSQL(t, kit.Primary, "ALTER SYSTEM SET archive_command = '"+command+"'")
		k.PSQL(t, kit.Primary, "ALTER SYSTEM SET archive_timeout = '10min'")
		k.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
		awaitRefusal(t, k, want)
	}
	k.PSQL(t, kit.Primary, "ALTER SYSTEM RESET ALL")
	k.PSQL(t, kit.Primary, "SELECT pg_reload_conf()")
	k.AwaitArchived(t)
}

// awaitRefusal submits a run that must fail in precheck, with these words, and make no
// backup.
func awaitRefusal(t *testing.T, k *kit.Kit, words ...string) {
	t.Helper()
	workflow := k.AwaitRun(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full", "attempts=1"))
	r := kit.Report(t, workflow)
	if workflow.Status.Phase == wfv1.WorkflowSucceeded || r.Step != "precheck" || r.Backup != nil {
		t.Fatalf("the run must fail in precheck, is %s: %+v", workflow.Status.Phase, r)
	}
	for _, word := range words {
		if !strings.Contains(r.Message, word) {
			t.Errorf("the run does not say %q: %s", word, r.Message)
		}
	}
}

// writeSecretIntoPod writes the Secret of the cluster and waits until the pod has it.
func writeSecretIntoPod(t testing.TB, k *kit.Kit, files map[string]string) {
	t.Helper()
	k.WriteSecret(t, "cluster-s3-credential", files)
	wait.Until(t, 3*time.Minute, "the pod has the files of the Secret", func() (bool, string) {
		for name, text := range files {
			if out, err := k.TryExec(t.Context(), kit.Primary, "cat", cpo.ConfigDir+"/"+name); err != nil || out != text {
				return false, fmt.Sprintf("%s: %v", name, err)
			}
		}
		out, err := k.TryExec(t.Context(), kit.Primary, "ls", cpo.ConfigDir)
		return err == nil && strings.Contains(out, "cipher.configuration") == (files["cipher.configuration"] != ""), out
	})
}

// awaitLineInPod waits until a file of the configuration has a line.
func awaitLineInPod(t testing.TB, k *kit.Kit, file, line string) {
	t.Helper()
	wait.Until(t, 3*time.Minute, file+" in the pod has "+line, func() (bool, string) {
		out, err := k.TryExec(t.Context(), kit.Primary, "cat", cpo.ConfigDir+"/"+file)
		return err == nil && strings.Contains(out, line+"\n"), out
	})
}
