// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// testMultiRepo backs up to a volume and a bucket, one plain and one encrypted. Then it
// adds a second volume, and the first grows. Each repo restores by itself, and deleting
// the resource deletes no volume.
func testMultiRepo(t *testing.T) {
	k := kit.Start(t, "multi-repo")
	k.AwaitPod(t, kit.RepoHost)
	k.CreateAccounts(t)

	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	// WAL goes to both repos or to none, so the first run makes both stanzas.
	if out := k.Exec(t, kit.Primary, "pgbackrest", "info", "--stanza=db", "--repo=2"); !strings.Contains(out, "no valid backups") {
		t.Errorf("the first run of repo1 has not made the stanza of repo2:\n%s", out)
	}
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo2", "type=diff"))

	k.PatchCluster(t, `[{"op":"add","path":"/spec/backup/pgbackrest/repos/-","value":{"name":"repo4","storage":"pvc","volume":{"size":"1Gi"}}},
{"op":"replace","path":"/spec/backup/pgbackrest/repos/0/volume/size","value":"2Gi"}]`)
	wait.Until(t, 2*time.Minute, "the claim of repo1 has grown", func() (bool, string) {
		claim := getClaim(t, k, "repo1-"+kit.RepoHost)
		capacity := claim.Status.Capacity[corev1.ResourceStorage]
		return capacity.String() == "2Gi", fmt.Sprintf("%+v %+v", claim.Spec.Resources, claim.Status)
	})
	wait.Until(t, 3*time.Minute, "the repo host has the volume of repo4", func() (bool, string) {
		out, err := k.TryExec(t.Context(), kit.RepoHost, "pgbackrest", "info", "--stanza=db", "--repo=4")
		return err == nil, out
	})
	k.AwaitPod(t, kit.RepoHost)
	k.AwaitSuccess(t, k.Submit(t, "cluster=cluster", "repo=repo4", "type=full"))
	awaitRepos(t, k)

	claims := map[string]*corev1.PersistentVolumeClaim{}
	for _, repo := range []string{"repo1", "repo4"} {
		claims[repo] = getClaim(t, k, repo+"-"+kit.RepoHost)
	}
	k.PSQL(t, kit.Primary, "DELETE FROM account WHERE id % 11 = 0")
	want := k.Checksums(t, kit.Primary)
	k.AwaitArchived(t)
	k.DeleteCluster(t)
	for repo, before := range claims {
		if now := getClaim(t, k, repo+"-"+kit.RepoHost); now.UID != before.UID || now.DeletionTimestamp != nil {
			t.Errorf("the claim of %s is another one or being deleted: %+v", repo, now.ObjectMeta)
		}
	}
	wait.Until(t, time.Minute, "the Stanza lists the claims that are left", func() (bool, string) {
		orphans := k.Stanza(t).Status.OrphanedClaims
		return fmt.Sprint(orphans) == fmt.Sprintf("[repo1-%s repo4-%s]", kit.RepoHost, kit.RepoHost), fmt.Sprint(orphans)
	})
	for _, repo := range []string{"1", "2", "4"} {
		k.RestoreAndCompare(t, want, "restored-"+repo, "--repo="+repo)
	}
}

// awaitRepos waits until the Stanza reports the state of each repo.
func awaitRepos(t testing.TB, k *kit.Kit) {
	t.Helper()
	type state struct{ name, storage, cipher string }
	want := []state{{"repo1", "pvc", "none"}, {"repo2", "s3", "aes-256-cbc"}, {"repo4", "pvc", "none"}}
	wait.Until(t, time.Minute, "the Stanza reports each repo", func() (bool, string) {
		status := k.Stanza(t).Status
		var got []state
		for _, r := range status.Repos {
			if r.LastBackup == nil || r.Fulls != 1 || r.OldestBackupTime == nil || r.LastBackup.Repo != r.Name {
				return false, fmt.Sprintf("%+v", r)
			}
			got = append(got, state{r.Name, r.Storage, r.Cipher})
		}
		return fmt.Sprint(got) == fmt.Sprint(want), fmt.Sprintf("%+v", status.Repos)
	})
	if status := k.Stanza(t).Status; status.LastRun.Result != stanzaflowv1alpha1.RunSucceeded {
		t.Errorf("%+v", status.LastRun)
	}
}

func getClaim(t testing.TB, k *kit.Kit, name string) *corev1.PersistentVolumeClaim {
	t.Helper()
	var claim corev1.PersistentVolumeClaim
	k.Get(t, name, &claim)
	return &claim
}
