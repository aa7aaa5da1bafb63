// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// The run that the tests make unless they say otherwise.
const (
	Namespace   = "shop"
	Cluster     = "orders"
	Workflow    = "orders-repo1-full-1772326800"
	Run         = "6f1f2a52-0c0e-4d6b-9a5e-1b5f3c1d7e11"
	PrimaryPod  = "orders-0"
	RepoHostPod = "orders-pgbackrest-repo-host-0"
)

// Start is when the clock of a World starts.
var Start = time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)

// World is a cluster with one PostgreSQL, a pgBackRest that works and a repo.
type World struct {
	T  *testing.T
	mu sync.Mutex

	Clock jumpingClock

	// Cluster is the postgresql resource, BackupDigest that of its spec.backup.
	Cluster      cpo.Postgresql
	BackupDigest string
	// beside means that CPO writes the configuration.
	beside bool
	// FieldErrors are what the operator cannot read of it.
	FieldErrors []cpo.FieldError
	// ClusterError, PodsError and StanzaError come from the API server.
	ClusterError, PodsError, StanzaError error
	StanzaObject                         stanzaflowv1alpha1.Stanza
	PodObjects                           []corev1.Pod
	// CronJobObjects are CPO's, CronJobsError is why they cannot be listed.
	CronJobObjects []batchv1.CronJob
	CronJobsError  error
	// JobObjects are those of its CronJobs, JobsError is why they cannot be listed.
	JobObjects []batchv1.Job
	JobsError  error
	// ConfigMaps are the names of those that there are, ConfigMapError is why that
	// cannot be seen.
	ConfigMaps     []string
	ConfigMapError error
	// CertificateTime is when the certificate of the repo host expires,
	// CertificateError why that cannot be seen.
	CertificateTime  time.Time
	CertificateError error
	// SlotTime is for when the Workflow was due, SlotError why that is not known.
	SlotTime  time.Time
	SlotError error

	// StartTime is when the Workflow was started, zero before that. StartErrors come first.
	StartTime   time.Time
	StartErrors []error

	// Postgres is what PostgreSQL says of itself, Sessions how many sessions of
	// backups it has.
	Postgres map[string]any
	Sessions int

	// Files of the configuration directory, by container and name.
	Files map[string]map[string]string
	// Versions of pgBackRest, by container.
	Versions map[string]string

	// StanzaExists reports whether the repo has the stanza.
	StanzaExists bool
	// RepoStatus replaces the status of the repo, HostStatus the status as the
	// host of the repo gives it.
	RepoStatus, HostStatus *pgbackrest.Status
	// NoRepo means that pgBackRest does not know the repo.
	NoRepo bool
	// Cipher of the repo.
	Cipher string
	// Others are the repos beside repo1, which have no backups unless listed.
	Others map[int]pgbackrest.Status
	// Lock means that info reports the lock as held.
	Lock bool
	// OtherLocks are pods other than the primary in which the lock is held.
	OtherLocks map[string]bool
	// Running are the places where the backup of the run is running, and how many
	// signals each takes to end.
	Running map[remote.Place]int
	// Orphans are the places where a backup has left workers, and how many
	// signals these take to end.
	Orphans map[remote.Place]int
	// CancelledBy is who ended the run. CancelErrors come first.
	CancelledBy  string
	CancelErrors []error
	// Events are those at the Workflow, EventError is why none can be recorded.
	Events     []string
	EventError error

	// Size and Done are how many bytes the running backup has, and has copied.
	Size, Done uint64
	// Backups of the repo, and the checksums of each WAL segment in its archive.
	Backups     []Backup
	Segments    map[string][]string
	nextSegment int
	// Databases that the repo knows, the newest last.
	Databases []Database
	// Timeline of PostgreSQL. RestorePoints are those that it has written, and
	// pointWritten means that the segment of the last is not archived.
	Timeline      int
	RestorePoints []string
	pointWritten  bool
	// Heartbeats is how many PostgreSQL has written.
	Heartbeats int
	// LostBytes is how many bytes of the files of a backup are gone, by label.
	LostBytes map[string]int64

	// Scripts replace what a command does, one call each, in their order.
	Scripts map[string][]Script
	// OnStanza is called each time the Stanza is read.
	OnStanza func()
	// OnInfo is called at each info, before it reads anything.
	OnInfo func()
	// Calls are all commands that were run, Execs the execs in which they were.
	Calls, Execs []Call
	// Requests is how many requests the API server got, execs among them.
	Requests int
	// NoShell means that the containers have none.
	NoShell bool
}

// New returns a World whose repo1 is in a bucket.
func New(t *testing.T) *World {
	t.Helper()
	w := &World{
		T:     t,
		Clock: jumpingClock{clocktesting.NewFakeClock(Start)},
		Cluster: cpo.Postgresql{
			Namespace: Namespace, Name: Cluster,
			PgBackRest: &cpo.PgBackRest{
				Secret: "orders-s3",
				Global: map[string]string{"repo1-path": "/orders", "repo1-retention-full": "2", "repo1-cipher-type": pgbackrest.CipherAES256CBC},
				Repos: []cpo.Repo{{
					Name: "repo1", Storage: cpo.StorageS3, Resource: "backups", Endpoint: "s3.example.org", Region: "eu",
					Schedule: map[string]string{cpo.Full: "0 1 * * *"},
				}},
			},
		},
		BackupDigest: "backup-1",
		PodObjects:   []corev1.Pod{Primary(PrimaryPod)},
		Postgres: map[string]any{
			"inRecovery": false, "version": 160009, "systemId": "7710987021816380561", "databaseBytes": 22992758,
			"walSegmentBytes": 16 << 20, "archiveMode": "on", "archiveCommand": true, "archiveStanza": "db",
			"lastArchived": "2026-03-01T06:20:00.123456+05:30", "lastArchivedWal": nil, "lastFailed": nil, "lastFailedWal": nil,
		},
		Files: map[string]map[string]string{cpo.ContainerPostgreSQL: {
			SecretFile: "[global]\nrepo1-s3-key=hunter2\nrepo1-s3-key-secret=hunter2\nrepo1-cipher-pass=hunter2\n",
		}},
		Versions:     map[string]string{cpo.ContainerPostgreSQL: "2.55.1", cpo.ContainerRepoHost: "2.55.1"},
		Cipher:       pgbackrest.CipherAES256CBC,
		Others:       map[int]pgbackrest.Status{},
		StanzaExists: true,
		SlotTime:     Start,

		CertificateTime: Start.AddDate(1, 0, 0),
		Segments:        map[string][]string{},
		nextSegment:     2,
		Timeline:        1,
		Databases:       []Database{{ID: 1, Version: "16", SystemID: "7710987021816380561"}},
		LostBytes:       map[string]int64{},
		Scripts:         map[string][]Script{},
		OtherLocks:      map[string]bool{},
		Running:         map[remote.Place]int{},
		Orphans:         map[remote.Place]int{},
	}
	w.Project()
	return w
}

// SecretFile is in the Secret of the cluster.
const SecretFile = "s3.conf"

// NewWithRepoHost returns a World with a repo host, and repo1 on it.
func NewWithRepoHost(t *testing.T) *World {
	t.Helper()
	w := New(t)
	w.Cluster.PgBackRest.Image = "example.org/pgbackrest:2.55.1"
	w.Cluster.PgBackRest.Repos = []cpo.Repo{{
		Name: "repo1", Storage: cpo.StoragePVC, Volume: &cpo.Volume{Size: "5Gi"}, Schedule: map[string]string{cpo.Full: "0 1 * * *"},
	}}
	delete(w.Cluster.PgBackRest.Global, "repo1-path")
	secret := "[global]\nrepo1-cipher-pass=hunter2\n"
	w.Files = map[string]map[string]string{
		cpo.ContainerPostgreSQL: {SecretFile: secret}, cpo.ContainerRepoHost: {SecretFile: secret},
	}
	w.PodObjects = append(w.PodObjects, RepoHost(RepoHostPod))
	w.Project()
	return w
}

// Project brings the configuration that the operator writes into the pods, and
// declares it. Beside CPO it is that of CPO.
func (w *World) Project() {
	w.T.Helper()
	if w.beside {
		w.projectCPO()
		return
	}
	plan := w.Declare()
	if plan.Provision == nil || len(plan.Problems.Mistakes()) > 0 {
		w.T.Fatalf("no configuration: %v", plan.Problems)
	}
	w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = plan.Provision.ConfigMap.Data[cpo.ConfigFileName]
	if plan.Provision.RepoHost != nil {
		w.Files[cpo.ContainerRepoHost][cpo.ConfigFileName] = plan.Provision.RepoHost.ConfigMap.Data[cpo.ConfigFileName]
	}
}

// Declare writes the digests of the configuration into the Stanza, as the
// operator does: none while it keeps an older configuration.
func (w *World) Declare() translate.Plan {
	plan := translate.Translate(translate.Input{
		Cluster: w.Cluster, FieldErrors: w.FieldErrors, Stanza: w.StanzaObject.Spec, Known: w.StanzaObject.Status.Repos, Provisioner: vocab.ProvisionedByUs,
	})
	declared := &stanzaflowv1alpha1.ConfigurationStatus{Source: w.BackupDigest}
	if !plan.Keep.Configuration && plan.Provision != nil {
		declared.Primary = digest(plan.Provision.ConfigMap.Data[cpo.ConfigFileName])
		if plan.Provision.RepoHost != nil {
			declared.RepoHost = digest(plan.Provision.RepoHost.ConfigMap.Data[cpo.ConfigFileName])
		}
	}
	w.StanzaObject.Status.Configuration = declared
	return plan
}

func digest(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

// workplace is the container where pgBackRest works for repo1.
func (w *World) workplace() string {
	if w.Cluster.PgBackRest != nil && len(w.Cluster.PgBackRest.Repos) > 0 && w.Cluster.PgBackRest.Repos[0].Storage == cpo.StoragePVC {
		return cpo.ContainerRepoHost
	}
	return cpo.ContainerPostgreSQL
}

// jumpingClock does not wait: a timer moves it to its end.
type jumpingClock struct{ *clocktesting.FakeClock }

func (c jumpingClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.Step(d)
	return timer
}
