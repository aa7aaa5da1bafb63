// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import (
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

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
	// Scheduling is where the pods of the cluster may run; the repo host
	// follows it, as CPO's does.
	Scheduling Scheduling
	// Operation is what the resource says about the cluster as a whole.
	Operation Operation
	// Version is spec.postgresql.version, the major version of PostgreSQL. Empty where
	// it cannot be read.
	Version string
}

// Operation holds what prevents any backup of a cluster, whatever its pods say.
type Operation struct {
	// Standby is true if spec.standby is set. The cluster follows another one, and has no
	// primary to back up.
	Standby bool
	// ScaledToZero is true if spec.numberOfInstances is 0.
	ScaledToZero bool
	// Restoring is true if CPO is restoring the cluster, or is about to.
	Restoring bool
	// Restored is the ID of the restore that CPO has done last, status.RestoreID.
	Restored string
	// Encrypted is true if spec.tde is enabled: the files of the database are encrypted by
	// PostgreSQL itself, and no other PostgreSQL can read them.
	Encrypted bool
	// Status is status.PostgresClusterStatus, a word of CPO's. Empty without CPO.
	Status string
}

// StatusUpdating is the Operation.Status while CPO changes the pods of a cluster.
const StatusUpdating = "Updating"

// Scheduling are spec.tolerations, spec.nodeAffinity and
// spec.podPriorityClassName.
type Scheduling struct {
	Tolerations       []corev1.Toleration
	NodeAffinity      *corev1.NodeAffinity
	PriorityClassName string
}

// PgBackRest is spec.backup.pgbackrest.
type PgBackRest struct {
	// Image of the repo host. Its pgBackRest must be of the same version as
	// that of the PostgreSQL pods.
	Image string
	// Resources of the repo host.
	Resources corev1.ResourceRequirements
	// Secret is configuration.secret: the Secret in the same namespace whose
	// *.conf files pgBackRest reads beside our ConfigMap.
	Secret string
	// Global holds pgBackRest options, passed through verbatim.
	Global map[string]string
	// Repos in the order of the resource.
	Repos []Repo
	// Restore is what CPO is asked to restore.
	Restore Restore
	// Protected is configuration.protection.restore, which CPO does not read.
	Protected bool
}

// Restore is spec.backup.pgbackrest.restore: CPO restores once for each new ID.
type Restore struct{ ID, Repo string }

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
	// Account is the Azure storage account.
	Account string
	// Key is the Azure key itself, or the name of the file in the Secret that
	// holds the GCS key.
	Key string
	// KeyType says what the key is, or that there is none: shared, sas, service,
	// token, auto, web-id.
	KeyType string
	// Volume of storage pvc, nil where the resource has none.
	Volume *Volume
	// Schedule maps a backup type to its cron expression. An empty
	// expression means that this type is off.
	Schedule map[string]string
}

// Volume is the volume of a repo with storage pvc.
type Volume struct {
	// Size is a quantity such as 15Gi.
	Size string
	// StorageClass is empty for the default of the Kubernetes cluster.
	StorageClass string
	Selector     *metav1.LabelSelector
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

// CheckBackupType returns an error that says which types there are, unless a text
// is one of them.
func CheckBackupType(backupType string) error {
	if !slices.Contains(BackupTypes, backupType) {
		return errors.New("must be full, diff or incr")
	}
	return nil
}
