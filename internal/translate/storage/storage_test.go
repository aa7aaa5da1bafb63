// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestEveryStorage checks what one value says of itself: a new storage is checked
// as soon as it is in the list.
func TestEveryStorage(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		s, ok := Of(name)
		if !ok || s.Name != name || s.check == nil {
			t.Errorf("%s is not complete: %+v", name, s)
		}
		options := map[string]bool{}
		for _, o := range s.options {
			options[o.name] = true
			if !slices.Contains(textFields, o.field) || !strings.HasPrefix(o.name, name+"-") {
				t.Errorf("%s: field %q stands for option %q", name, o.field, o.name)
			}
			if o.inSecret && !o.required {
				t.Errorf("%s: %s may stand in the Secret and is not required at all", name, o.field)
			}
			if o.field == fieldKeyType && len(s.keyTypes) < 2 {
				t.Errorf("%s: keyType may be %q", name, s.keyTypes)
			}
		}
		for _, field := range s.unused {
			used := slices.ContainsFunc(s.options, func(o option) bool { return o.field == field })
			if !slices.Contains(textFields, field) || used || field == fieldKey && s.inlineKey != "" {
				t.Errorf("%s: field %q is said to be unused", name, field)
			}
		}
		if s.OnRepoHost != (s.server == nil) || s.OnRepoHost != (s.keyType == "") || s.OnRepoHost != (len(s.identities) == 0) {
			t.Errorf("%s: an object store has a server, a type of the key and one that needs no key: %+v", name, s)
		}
		for _, identity := range s.identities {
			if !slices.Contains(s.keyTypes, identity) {
				t.Errorf("%s: %s is no type of the key", name, identity)
			}
		}
		if s.OnRepoHost != (s.location != nil) || s.OnRepoHost != (len(s.options) == 0) || !s.OnRepoHost && !options[s.bucket] {
			t.Errorf("%s: a storage has its backups on the repo host, or in a bucket that an option names: %+v", name, s)
		}
	}
}

func TestUnknownStorageHasNoValue(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reason vocab.Reason
		not    string
	}{
		"":     {vocab.ReasonMissingField, ""},
		"blob": {vocab.ReasonUnsupportedStorage, `, not "blob"`},
		"S3":   {vocab.ReasonUnsupportedStorage, `, not "S3"; did you mean s3?`},
	} {
		if s, ok := Of(name); ok {
			t.Errorf("%q is %+v", name, s)
		}
		r := Repo{Repo: cpo.Repo{Name: "repo1", Storage: name, Resource: "bucket", Key: "key"}, Number: 1, Path: cpo.RepoField(0)}
		problems := Check(clusterOf(r.Repo), r)
		if len(problems) != 1 || problems[0].Reason != tc.reason || problems[0].Field != "spec.backup.pgbackrest.repos[0].storage" || problems[0].Message != "must be s3, azure, gcs or pvc"+tc.not {
			t.Errorf("%q: %v", name, problems)
		}
		if options := Options(r); options != nil {
			t.Errorf("%q has options %v", name, options)
		}
		if option, key := InlineKey(r); option != "" || key != "" {
			t.Errorf("%q: the key is used as %s", name, option)
		}
		if r.OnRepoHost() {
			t.Errorf("%q is on the repo host", name)
		}
	}
}

func clusterOf(repos ...cpo.Repo) cpo.Postgresql {
	return cpo.Postgresql{Namespace: "cpo", Name: "orders", PgBackRest: &cpo.PgBackRest{Repos: repos, Global: map[string]string{}}}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	everything := cpo.Repo{
		Name: "repo2", Resource: "backups", Endpoint: "store.example.com", Region: "zurich", Account: "orders", Key: "key.json", KeyType: keyTypeAuto,
		Volume: &cpo.Volume{Size: "1Gi"},
	}
	for name, want := range map[string]map[string]string{
		cpo.StorageS3: {
			"repo2-type": "s3", "repo2-s3-bucket": "backups", "repo2-s3-endpoint": "store.example.com", "repo2-s3-region": "zurich", "repo2-s3-key-type": "auto",
		},
		cpo.StorageAzure: {
			"repo2-type": "azure", "repo2-azure-container": "backups", "repo2-azure-account": "orders", "repo2-azure-endpoint": "store.example.com", "repo2-azure-key-type": "auto",
		},
		cpo.StorageGCS: {
			"repo2-type": "gcs", "repo2-gcs-bucket": "backups", "repo2-gcs-endpoint": "store.example.com", "repo2-gcs-key": "/etc/pgbackrest/conf.d/key.json", "repo2-gcs-key-type": "auto",
		},
		cpo.StoragePVC: nil,
	} {
		r := Repo{Repo: everything, Number: 2}
		r.Storage = name
		if diff := cmp.Diff(want, Options(r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		// An empty value would be an error to pgBackRest.
		empty := Repo{Repo: cpo.Repo{Name: "repo2", Storage: name}, Number: 2}
		for option, value := range Options(empty) {
			if option != "repo2-type" || value != name {
				t.Errorf("%s without fields sets %s=%s", name, option, value)
			}
		}
	}
}

func TestRepositoryOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		repo   cpo.Repo
		global map[string]string
		want   Repository
	}{
		"a bucket in pgBackRest's own path": {
			repo: cpo.Repo{Storage: cpo.StorageS3, Resource: "backups"},
			want: Repository{Storage: "s3", Location: "s3://backups/var/lib/pgbackrest", Cipher: "none"},
		},
		"a path and a cipher in global": {
			repo:   cpo.Repo{Storage: cpo.StorageAzure, Resource: "backups"},
			global: map[string]string{"repo1-path": "/orders/", "repo1-cipher-type": "aes-256-cbc"},
			want:   Repository{Storage: "azure", Location: "azure://backups/orders", Cipher: "aes-256-cbc"},
		},
		"the bucket in global": {
			repo:   cpo.Repo{Storage: cpo.StorageGCS},
			global: map[string]string{"repo1-gcs-bucket": "backups", "repo1-path": "/"},
			want:   Repository{Storage: "gcs", Location: "gcs://backups", Cipher: "none"},
		},
		"the container in global": {
			repo:   cpo.Repo{Storage: cpo.StorageAzure},
			global: map[string]string{"repo1-azure-container": "backups", "repo1-path": "/"},
			want:   Repository{Storage: "azure", Location: "azure://backups", Cipher: "none"},
		},
		"an option of another storage names nothing": {
			repo:   cpo.Repo{Storage: cpo.StorageS3},
			global: map[string]string{"repo1-azure-container": "theirs", "repo1-s3-container": "theirs", "repo1-path": "/"},
			want:   Repository{Storage: "s3", Location: "s3://", Cipher: "none"},
		},
		"a volume is its claim, whatever the resource and the path": {
			repo:   cpo.Repo{Storage: cpo.StoragePVC, Resource: "backups"},
			global: map[string]string{"repo1-path": "/orders"},
			want: Repository{
				Storage: "pvc", Location: "pvc://repo1-orders-pgbackrest-repo-host-0", Cipher: "none", Claim: "repo1-orders-pgbackrest-repo-host-0",
			},
		},
		"an unknown storage is not repeated": {
			repo:   cpo.Repo{Storage: "blob", Resource: "backups"},
			global: map[string]string{"repo1-path": "/x"},
			want:   Repository{Storage: "unknown", Location: "unknown://backups/x", Cipher: "none"},
		},
		"nor is what is refused in its own field": {
			repo:   cpo.Repo{Storage: cpo.StorageS3, Resource: "https://user:password@host"},
			global: map[string]string{"repo1-path": "/{{x}}", "repo1-cipher-type": "a\nb"},
			want:   Repository{Storage: "s3", Location: "s3:///var/lib/pgbackrest", Cipher: "none"},
		},
	} {
		tc.repo.Name, tc.want.Name = "repo1", "repo1"
		cluster := clusterOf(tc.repo)
		cluster.PgBackRest.Global = tc.global
		r, err := RepoAt(cluster.PgBackRest, 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, RepositoryOf(cluster, r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTargetFor(t *testing.T) {
	t.Parallel()
	cluster := clusterOf(cpo.Repo{Name: "repo4", Storage: cpo.StoragePVC}, cpo.Repo{Name: "repo2", Storage: cpo.StorageS3, Resource: "backups"})
	for _, tc := range []struct {
		repo   string
		number int
		onHost bool
	}{{"repo2", 2, false}, {"repo4", 4, true}} {
		target, err := TargetFor(cluster, cpo.DefaultLabels(), tc.repo)
		if err != nil || target.Repo != tc.number || target.OnRepoHost() != tc.onHost || !target.StartFast || target.Repository.Name != tc.repo {
			t.Errorf("%s: %+v, %v", tc.repo, target, err)
		}
		if target.Primary.Name != cpo.ContainerPostgreSQL || target.Primary.Role != "primary" {
			t.Errorf("%s: the primary is %+v", tc.repo, target.Primary)
		}
		if role := map[bool]string{false: "primary", true: "repo host"}[tc.onHost]; target.Host.Role != role {
			t.Errorf("%s: the backup is made in the %s, want the %s", tc.repo, target.Host.Role, role)
		}
	}
	cluster.PgBackRest.Global["start-fast"] = "n"
	if target, err := TargetFor(cluster, cpo.DefaultLabels(), "repo2"); err != nil || target.StartFast {
		t.Errorf("with start-fast=n: %+v, %v", target, err)
	}
	for repo, want := range map[string]string{
		"repo5": `parameter repo is "repo5", must be repo1, repo2, repo3 or repo4`,
		"repo1": "postgresql cpo/orders has no repo1 in spec.backup.pgbackrest.repos",
	} {
		if _, err := TargetFor(cluster, cpo.DefaultLabels(), repo); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", repo, err, want)
		}
	}
	cluster.PgBackRest = nil
	if _, err := TargetFor(cluster, cpo.DefaultLabels(), "repo1"); err == nil || err.Error() != "postgresql cpo/orders has no spec.backup.pgbackrest" {
		t.Errorf("without the section: %v", err)
	}
}

func TestOptionRepo(t *testing.T) {
	t.Parallel()
	for option, want := range map[string]int{"repo1-path": 1, "repo12-s3-key": 12, "repo256-type": 256, "repo-path": 0, "repo01-path": 0, "repo0-path": 0, "log-path": 0, "repox-path": 0, "": 0} {
		if got, ok := OptionRepo(option); got != want && ok || ok != (want > 0) {
			t.Errorf("%q is an option of repo %d, %t", option, got, ok)
		}
	}
}
