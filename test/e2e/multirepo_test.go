// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
)

// testMultiRepo: a volume and a bucket side by side, one plain and one
// encrypted; then a second volume comes, and the first grows. Each repo restores
// by itself, and no volume goes with the resource.
func testMultiRepo(t *testing.T) {
	t.Helper()
	k := newKit(t, "e2e-multi-repo")
	k.apply(t, "multi-repo")
	k.podReady(t, primary)
	k.podReady(t, repoHost)
	k.accounts(t)

	k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo1", "type=full"))
	// WAL goes to both repos or to none, so the first run makes both stanzas.
	if out := k.run(t, primary, "pgbackrest", "info", "--stanza=db", "--repo=2"); !strings.Contains(out, "no valid backups") {
		t.Errorf("the first run of repo1 has not made the stanza of repo2:\n%s", out)
	}
	k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo2", "type=diff"))

	k.patchCluster(t, `[{"op":"add","path":"/spec/backup/pgbackrest/repos/-","value":{"name":"repo4","storage":"pvc","volume":{"size":"1Gi"}}},
{"op":"replace","path":"/spec/backup/pgbackrest/repos/0/volume/size","value":"2Gi"}]`)
	eventually(t, 2*minute, "the claim of repo1 has grown", func() (bool, string) {
		claim := k.claim(t, "repo1-"+repoHost)
		capacity := claim.Status.Capacity[corev1.ResourceStorage]
		return capacity.String() == "2Gi", fmt.Sprintf("%+v %+v", claim.Spec.Resources, claim.Status)
	})
	eventually(t, 3*minute, "the repo host has the volume of repo4", func() (bool, string) {
		out, err := k.try(t, repoHost, "pgbackrest", "info", "--stanza=db", "--repo=4")
		return err == nil, out
	})
	k.podReady(t, repoHost)
	k.succeeded(t, k.submit(t, "cluster=cluster", "repo=repo4", "type=full"))
	k.reposReported(t)

	claims := map[string]*corev1.PersistentVolumeClaim{}
	for _, repo := range []string{"repo1", "repo4"} {
		claims[repo] = k.claim(t, repo+"-"+repoHost)
	}
	k.psql(t, primary, "postgres", "DELETE FROM account WHERE id % 11 = 0")
	want := k.checksums(t, primary)
	k.archived(t)
	k.removeCluster(t)
	for repo, before := range claims {
		if now := k.claim(t, repo+"-"+repoHost); now.UID != before.UID || now.DeletionTimestamp != nil {
			t.Errorf("the claim of %s is another one or about to go: %+v", repo, now.ObjectMeta)
		}
	}
	eventually(t, minute, "the Stanza lists the claims that are left", func() (bool, string) {
		orphans := k.stanza(t, "cluster").Status.OrphanedClaims
		return fmt.Sprint(orphans) == fmt.Sprintf("[repo1-%s repo4-%s]", repoHost, repoHost), fmt.Sprint(orphans)
	})
	for _, repo := range []string{"1", "2", "4"} {
		pod := "restored-" + repo
		k.restore(t, pod, "--repo="+repo)
		sameData(t, want, k.checksums(t, pod))
		k.removePod(t, pod)
	}
}

// reposReported: each repo has a state of its own on the Stanza.
func (k *kit) reposReported(t testing.TB) {
	t.Helper()
	type state struct{ name, storage, cipher string }
	want := []state{{"repo1", "pvc", "none"}, {"repo2", "s3", "aes-256-cbc"}, {"repo4", "pvc", "none"}}
	eventually(t, minute, "the Stanza tells of each repo", func() (bool, string) {
		status := k.stanza(t, "cluster").Status
		var got []state
		for _, r := range status.Repos {
			if r.LastBackup == nil || r.Fulls != 1 || r.OldestBackupTime == nil || r.LastBackup.Repo != r.Name {
				return false, fmt.Sprintf("%+v", r)
			}
			got = append(got, state{r.Name, r.Storage, r.Cipher})
		}
		return fmt.Sprint(got) == fmt.Sprint(want), fmt.Sprintf("%+v", status.Repos)
	})
	if status := k.stanza(t, "cluster").Status; status.LastRun.Result != stanzaflowv1alpha1.RunSucceeded {
		t.Errorf("%+v", status.LastRun)
	}
}

func (k *kit) claim(t testing.TB, name string) *corev1.PersistentVolumeClaim {
	t.Helper()
	var claim corev1.PersistentVolumeClaim
	if err := k.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: name}, &claim); err != nil {
		t.Fatal(err)
	}
	return &claim
}
