// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import "k8s.io/apimachinery/pkg/runtime/schema"

// GroupVersionKind of the resource that we read. The kind is lower case.
var GroupVersionKind = schema.GroupVersionKind{Group: "cpo.opensource.cybertec.at", Version: "v1", Kind: "postgresql"}

// GroupVersionResource of the same, for clients that need the resource.
var GroupVersionResource = GroupVersionKind.GroupVersion().WithResource("postgresqls")

// Postgresql is what we read of one postgresql resource.
type Postgresql struct {
	Namespace string
	Name      string
	// PgBackRest is spec.backup.pgbackrest, nil where the cluster has none.
	PgBackRest *PgBackRest
}

// PgBackRest is spec.backup.pgbackrest.
type PgBackRest struct {
	// Secret is configuration.secret: the Secret in the same namespace whose
	// *.conf files pgBackRest reads beside our ConfigMap.
	Secret string
	// Global holds pgBackRest options, passed through verbatim.
	Global map[string]string
	// Repos in the order of the CR. Index is the position there.
	Repos []Repo
}

// Repo is one entry of spec.backup.pgbackrest.repos.
type Repo struct {
	// Name is repo1 to repo4. Its digit is the number in pgBackRest options.
	Name string
	// Storage is one of the Storage constants.
	Storage string
	// Resource is the bucket or container.
	Resource string
	Endpoint string
	Region   string
	// Schedule maps a backup type to its cron expression. An empty
	// expression means that this type is off.
	Schedule map[string]string
}

// Values of Repo.Storage.
const (
	StoragePVC   = "pvc"
	StorageS3    = "s3"
	StorageAzure = "azure"
	StorageGCS   = "gcs"
)

// Backup types, the keys of Repo.Schedule, in the order in which they are
// worth doing when several are due.
const (
	Full = "full"
	Diff = "diff"
	Incr = "incr"
)

// BackupTypes in that order.
var BackupTypes = []string{Full, Diff, Incr}
