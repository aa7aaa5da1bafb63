// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage_test

import (
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

// TestLocationKey holds spellings of one location against others.
func TestLocationKey(t *testing.T) {
	t.Parallel()
	s3 := func(endpoint string) cpo.Repo {
		return cpo.Repo{Name: "repo1", Storage: cpo.StorageS3, Resource: "shop", Endpoint: endpoint, Region: "zurich"}
	}
	azure := cpo.Repo{Name: "repo1", Storage: cpo.StorageAzure, Resource: "shop", Account: "company"}
	gcs := cpo.Repo{Name: "repo1", Storage: cpo.StorageGCS, Resource: "shop"}
	for name, tc := range map[string]struct {
		repo   cpo.Repo
		global map[string]string
		want   string
	}{
		"host":                            {s3("s3.example.com"), nil, "s3://s3.example.com:443/shop/var/lib/pgbackrest"},
		"scheme, port and case":           {s3("https://S3.Example.com:443"), nil, "s3://s3.example.com:443/shop/var/lib/pgbackrest"},
		"trailing dot and slash":          {s3("https://s3.example.com./"), nil, "s3://s3.example.com:443/shop/var/lib/pgbackrest"},
		"another port":                    {s3("s3.example.com:9000"), nil, "s3://s3.example.com:9000/shop/var/lib/pgbackrest"},
		"the port in global":              {s3("s3.example.com"), map[string]string{"repo1-storage-port": "9000"}, "s3://s3.example.com:9000/shop/var/lib/pgbackrest"},
		"the host in global":              {s3("s3.example.com"), map[string]string{"repo1-storage-host": "minio"}, "s3://minio.cpo:443/shop/var/lib/pgbackrest"},
		"the host in its older spelling":  {s3("s3.example.com"), map[string]string{"repo1-s3-host": "minio"}, "s3://minio.cpo:443/shop/var/lib/pgbackrest"},
		"the path is cleaned":             {s3("s3.example.com"), map[string]string{"repo1-path": "/a//b/../c/"}, "s3://s3.example.com:443/shop/a/c"},
		"the top of the bucket":           {s3("s3.example.com"), map[string]string{"repo1-path": "/"}, "s3://s3.example.com:443/shop"},
		"fields in global":                {cpo.Repo{Name: "repo1", Storage: cpo.StorageS3}, map[string]string{"repo1-s3-bucket": "shop", "repo1-s3-endpoint": "s3.example.com"}, "s3://s3.example.com:443/shop/var/lib/pgbackrest"},
		"a Service of the namespace":      {s3("store:9000"), nil, "s3://store.cpo:9000/shop/var/lib/pgbackrest"},
		"a Service with its namespace":    {s3("store.cpo.svc:9000"), nil, "s3://store.cpo:9000/shop/var/lib/pgbackrest"},
		"a Service with its whole name":   {s3("store.cpo.svc.cluster.local.:9000"), nil, "s3://store.cpo:9000/shop/var/lib/pgbackrest"},
		"a server in the pod":             {s3("localhost:9000"), nil, ""},
		"AWS by region":                   {s3("s3.eu-central-1.amazonaws.com"), nil, "s3://s3.amazonaws.com:443/shop/var/lib/pgbackrest"},
		"AWS, dual stack":                 {s3("s3.dualstack.eu-central-1.amazonaws.com"), nil, "s3://s3.amazonaws.com:443/shop/var/lib/pgbackrest"},
		"without an endpoint":             {s3(""), nil, ""},
		"with a password in the endpoint": {s3("https://user:hunter2@s3.example.com"), nil, ""},
		"azure":                           {azure, nil, "azure://blob.core.windows.net:443/company/shop/var/lib/pgbackrest"},
		"azure with an endpoint":          {cpo.Repo{Name: "repo1", Storage: cpo.StorageAzure, Resource: "shop", Account: "company", Endpoint: "blob.core.windows.net"}, nil, "azure://blob.core.windows.net:443/company/shop/var/lib/pgbackrest"},
		"azure, account in the Secret":    {cpo.Repo{Name: "repo1", Storage: cpo.StorageAzure, Resource: "shop"}, nil, "azure://blob.core.windows.net:443/secret/cpo/keys/shop/var/lib/pgbackrest"},
		"gcs":                             {gcs, nil, "gcs://storage.googleapis.com:443/shop/var/lib/pgbackrest"},
		"pvc":                             {cpo.Repo{Name: "repo1", Storage: cpo.StoragePVC}, nil, ""},
		"an unknown storage":              {cpo.Repo{Name: "repo1", Storage: "blob", Resource: "shop"}, nil, ""},
	} {
		cluster := cpo.Postgresql{Namespace: "cpo", Name: "shop", PgBackRest: &cpo.PgBackRest{Secret: "keys", Global: tc.global, Repos: []cpo.Repo{tc.repo}}}
		r, err := storage.RepoAt(cluster.PgBackRest, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := storage.LocationKey(cluster, r); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}
