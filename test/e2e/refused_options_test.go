// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// refusedOptions are settings below spec.backup.pgbackrest with which archiving or every
// backup would fail, one of each kind.
var refusedOptions = []struct{ path, value, field string }{
	{"global/compress-type", "zstd", "global.compress-type"},
	{"global/repo1-path", "shop", "global.repo1-path"},
	// The resource also sets repo1-retention-full, which is the same option.
	{"global/retention-full", "7", "global.retention-full"},
	{"global/repo1-rentention-archive", "7", "global.repo1-rentention-archive"},
	{"global/backup-standby", "y", "global.backup-standby"},
	{"repos/0/resource", "cpo.cluster.bucket", "repos[0].resource"},
}

// tryRefusedOptions patches each of them into the cluster and takes it back. The Stanza
// names the field, the configuration stays, and archiving continues with it.
func tryRefusedOptions(t *testing.T, k *kit.Kit) {
	t.Helper()
	k.AwaitArchived(t) // What earlier mistakes have delayed.
	good := program.Kubectl(t, "get", "-n", k.Namespace, "postgresql", "cluster", "-o", "jsonpath={.spec.backup}")
	configuration, was := k.ConfigMap(t).Data, k.Archiver(t)
	for _, o := range refusedOptions {
		k.PatchCluster(t, fmt.Sprintf(`[{"op":"add","path":"/spec/backup/pgbackrest/%s","value":%q}]`, o.path, o.value))
		awaitAccepted(t, k, metav1.ConditionFalse, "field spec.backup.pgbackrest."+o.field+" ")
		k.PSQL(t, kit.Primary, "UPDATE account SET balance = balance + 1")
		k.AwaitArchived(t)
		now := k.Archiver(t)
		if now.Archived <= was.Archived || now.LastFailed != was.LastFailed {
			t.Errorf("with %s: %s archiving is %+v, was %+v", o.field, o.value, now, was)
		}
		if diff := cmp.Diff(configuration, k.ConfigMap(t).Data); diff != "" {
			t.Errorf("%s: %s changes the configuration (-was +is):\n%s", o.field, o.value, diff)
		}
		was = now
		k.PatchCluster(t, `[{"op":"replace","path":"/spec/backup","value":`+good+`}]`)
		awaitAccepted(t, k, metav1.ConditionTrue, "")
	}

	workflow, _ := k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=incr"))
	k.ProvenBackup(t, workflow, kit.Primary)
	restoreToTheEnd(t, k)
}

// awaitAccepted waits until the condition Accepted of the Stanza has a status, and a text
// in its message. A person still looks at the terminal when the patch is refused.
func awaitAccepted(t testing.TB, k *kit.Kit, status metav1.ConditionStatus, text string) {
	t.Helper()
	wait.Until(t, 30*time.Second, fmt.Sprintf("the Stanza says Accepted=%s: %s", status, text), func() (bool, string) {
		c := meta.FindStatusCondition(k.Stanza(t).Status.Conditions, vocab.ConditionAccepted)
		return c != nil && c.Status == status && strings.Contains(c.Message, text), fmt.Sprintf("%+v", c)
	})
}
