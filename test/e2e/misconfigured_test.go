// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	storeKeys  = "[global]\nrepo1-s3-key=quickstart\nrepo1-s3-key-secret=only-for-the-quickstart\nrepo1-s3-uri-style=path\nrepo1-storage-verify-tls=n\n"
	cipherPass = "repo1-cipher-pass=a-long-pass-phrase-of-the-test\n"
)

// testMisconfigured: each mistake with encryption and archiving that would cost
// a backup, or its secrecy, is caught before a run makes one, and says what to do.
// One of each kind, or all of them.
func testMisconfigured(t *testing.T, all bool) {
	t.Helper()
	k := newKit(t, fmt.Sprintf("e2e-misconfigured-%v", all))
	k.apply(t, "misconfigured")
	k.podReady(t, primary)
	k.accounts(t)

	k.secretInPod(t, map[string]string{storeConf: storeKeys + cipherPass})
	k.refused(t, "repo1-cipher-pass is set in store.conf", "backups would not be encrypted")
	k.patchCluster(t, `[{"op":"add","path":"/spec/backup/pgbackrest/global/repo1-cipher-type","value":"aes-256-cbc"}]`)
	k.inPod(t, cpo.ConfigFileName, "repo1-cipher-type=aes-256-cbc")
	if all {
		k.wrongSecrets(t)
	}

	k.secretInPod(t, map[string]string{storeConf: storeKeys + cipherPass})
	k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=full"))

	k.secretInPod(t, map[string]string{storeConf: storeKeys + "repo1-cipher-pass=another-pass-phrase\n"})
	k.refused(t, "cannot use repo1")
	k.secretInPod(t, map[string]string{storeConf: storeKeys + cipherPass})

	commands := map[string]string{
		"/bin/false": "archive_command in " + k.namespace + "/cluster-0 (postgres) does not run pgbackrest",
	}
	if all {
		k.cipherChanged(t)
		commands[`pgbackrest --stanza=other archive-push "%p"`] = "archives to stanza other"
		// It runs pgBackRest, and nothing arrives.
		commands[`: pgbackrest --stanza=db; false`] = "[082]"
	}
	k.archiveCommand(t, commands)
	k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
}

// wrongSecrets: pgBackRest itself would be silent about most of them.
func (k *kit) wrongSecrets(t *testing.T) {
	t.Helper()
	k.secretInPod(t, map[string]string{storeConf: storeKeys})
	k.refused(t, "repo1-cipher-type is set in pgbackrest_instance.conf", "repo1-cipher-pass is in no file")
	k.secretInPod(t, map[string]string{storeConf: storeKeys, "cipher.configuration": "[global]\n" + cipherPass})
	k.refused(t, "does not read: rename cipher.configuration in Secret cluster-s3-credential")
	k.secretInPod(t, map[string]string{storeConf: storeKeys + cipherPass + "repo1-cipher-type=aes-256-cbc\n"})
	k.refused(t, "repo1-cipher-type is set in", "pgBackRest does not start: remove it from")
}

// cipherChanged: the configuration stays, so that WAL is archived on, and no
// backup is made as if nothing were wrong.
func (k *kit) cipherChanged(t *testing.T) {
	t.Helper()
	eventually(t, minute, "the Stanza knows the cipher", func() (bool, string) {
		repos := k.stanza(t, "cluster").Status.Repos
		return len(repos) == 1 && repos[0].Cipher == "aes-256-cbc", fmt.Sprintf("%+v", repos)
	})
	before := k.configMap(t).ResourceVersion
	k.patchCluster(t, `[{"op":"remove","path":"/spec/backup/pgbackrest/global/repo1-cipher-type"}]`)
	eventually(t, minute, "the Stanza says CipherChanged", func() (bool, string) {
		c := meta.FindStatusCondition(k.stanza(t, "cluster").Status.Conditions, vocab.ConditionAccepted)
		return c != nil && c.Reason == vocab.ReasonCipherChanged, fmt.Sprintf("%+v", c)
	})
	k.refused(t, "repo1 in", "has cipher aes-256-cbc, and the postgresql resource asks for none")
	k.archived(t)
	if now := k.configMap(t).ResourceVersion; now != before {
		t.Error("the ConfigMap was changed to a cipher that the repo does not have")
	}
	k.patchCluster(t, `[{"op":"add","path":"/spec/backup/pgbackrest/global/repo1-cipher-type","value":"aes-256-cbc"}]`)
	eventually(t, minute, "the Stanza is content", func() (bool, string) {
		conditions := k.stanza(t, "cluster").Status.Conditions
		return meta.IsStatusConditionTrue(conditions, vocab.ConditionAccepted), fmt.Sprintf("%+v", conditions)
	})
}

// archiveCommand: the setting that is wrong is named. It maps commands to words.
func (k *kit) archiveCommand(t *testing.T, commands map[string]string) {
	t.Helper()
	for command, want := range commands {
		k.psql(t, primary, "postgres", "ALTER SYSTEM SET archive_command = '"+command+"'")
		k.psql(t, primary, "postgres", "ALTER SYSTEM SET archive_timeout = '10min'")
		k.psql(t, primary, "postgres", "SELECT pg_reload_conf()")
		k.refused(t, want)
	}
	k.psql(t, primary, "postgres", "ALTER SYSTEM RESET ALL")
	k.psql(t, primary, "postgres", "SELECT pg_reload_conf()")
	k.archived(t)
}

// refused: a run ends in precheck, with these words, and makes no backup.
func (k *kit) refused(t *testing.T, words ...string) {
	t.Helper()
	workflow := k.finished(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=full", "attempts=1"))
	r := reportOf(t, workflow)
	if workflow.Status.Phase == "Succeeded" || r.Step != "precheck" || r.Backup != nil {
		t.Fatalf("the run must fail in precheck, is %s: %+v", workflow.Status.Phase, r)
	}
	for _, word := range words {
		if !strings.Contains(r.Message, word) {
			t.Errorf("the run does not say %q: %s", word, r.Message)
		}
	}
}

// secretInPod writes the Secret of the cluster and waits until the pod has it.
func (k *kit) secretInPod(t testing.TB, files map[string]string) {
	t.Helper()
	k.secret(t, "cluster-s3-credential", files)
	eventually(t, 3*minute, "the pod has the files of the Secret", func() (bool, string) {
		for name, text := range files {
			if out, err := k.try(t, primary, "cat", cpo.ConfigDir+"/"+name); err != nil || out != text {
				return false, fmt.Sprintf("%s: %v", name, err)
			}
		}
		out, err := k.try(t, primary, "ls", cpo.ConfigDir)
		return err == nil && strings.Contains(out, "cipher.configuration") == (files["cipher.configuration"] != ""), out
	})
}

// inPod waits until a file of the configuration has a line.
func (k *kit) inPod(t testing.TB, file, line string) {
	t.Helper()
	eventually(t, 3*minute, file+" in the pod has "+line, func() (bool, string) {
		out, err := k.try(t, primary, "cat", cpo.ConfigDir+"/"+file)
		return err == nil && strings.Contains(out, line+"\n"), out
	})
}
