// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/gate"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checks in their order: what is cheap to find comes first. A check may go by
// everything that the checks before it found.
var checks = []func(*precheck, context.Context) error{
	// The postgresql exists, and no operation of CPO holds its backups.
	(*precheck).readPostgresql,
	// The Stanza of the same name can be read.
	(*precheck).readStanza,
	// The slot of the run does not belong to a CronJob of CPO.
	(*precheck).checkSlot,
	// CPO is not restoring the cluster.
	(*precheck).checkRestore,
	// The postgresql has the repo of this run.
	(*precheck).findTarget,
	// CPO puts a repo on a volume where the resource says.
	(*precheck).checkVolumeOfCPO,
	// The cluster has one primary that is ready, and CPO is not upgrading it.
	(*precheck).findPrimary,
	// PostgreSQL is no standby, and its settings archive WAL to our stanza.
	(*precheck).checkPostgres,
	// A repo on the repo host has that host, and it is ready.
	(*precheck).findHost,
	// The certificate of CPO's repo host has not expired, if that can be seen.
	(*precheck).checkCertificate,
	// pgBackRest starts, and its versions do not differ.
	(*precheck).checkVersions,
	// The operator has seen the current spec.backup.
	(*precheck).checkDeclared,
	// The pods have its configuration.
	(*precheck).checkFiles,
	// No option in the files of the primary is a mistake.
	(*precheck).checkPrimaryOptions,
	// Nor is one in the files of the repo host.
	(*precheck).checkHostOptions,
	// CPO has made its first backup, or is making it.
	(*precheck).awaitCPO,
	// The primary can read the repo, or lacks only the stanza in it.
	(*precheck).readRepos,
	// No repo without the stanza exists by mistake.
	(*precheck).checkLocations,
	// No repo without the stanza held backups before.
	(*precheck).checkNeverHadBackups,
	// Every repo has the stanza, of the version of PostgreSQL.
	(*precheck).ensureStanza,
	// The host of the repo can read it.
	(*precheck).readRepoAtHost,
	// The repo has the cipher that the postgresql asks for.
	(*precheck).checkCipher,
	// The facts are complete, for the gate and for the later steps.
	(*precheck).gatherFacts,
	// WAL gets from the primary into every repo.
	(*precheck).checkArchiving,
	// The gate of the user is true.
	(*precheck).checkGate,
}

// Input is what a precheck goes by.
type Input struct {
	Cluster *remote.Cluster
	Clock   attempt.Clock
	Logf    func(format string, args ...any)
	// ReadInfo reads pgbackrest info of a repo, or of all.
	ReadInfo func(ctx context.Context, at remote.Place, repo int) (pgbackrest.Info, error)
	// ReadSlot reads for which slot of the postgresql the Workflow of a scheduled run was
	// made: a window has it start later.
	ReadSlot func(ctx context.Context) (time.Time, error)
	Kind     vocab.RunKind
	// OnlyReuse means that no backup follows, but step restore-point, which also checks
	// that WAL gets into every repo.
	OnlyReuse bool
	// Repo, Type and Trigger of the run, and the UID of its Workflow.
	Repo, Type, Trigger, Run string
}

// Result is what precheck found and the later steps go by. They do not read the
// resource again, so a run that has begun ends by the rules it began with, even
// if the resource is deleted meanwhile.
type Result struct {
	// Labels by which the pods of the cluster are found.
	Labels  cpo.Labels        `json:"labels"`
	Primary storage.Container `json:"primary"`
	// Host is where the backup is made: the repo host, or the primary again.
	Host      storage.Container `json:"host"`
	Repo      int               `json:"repo"`
	StartFast bool              `json:"startFast"`
	// ArchiveTimeout is how long WAL may take into the archive.
	ArchiveTimeout time.Duration `json:"archiveTimeout"`
	// Cipher that the postgresql asks for.
	Cipher string     `json:"cipher"`
	Facts  gate.Facts `json:"facts"`
	// CertificateEnd is when the certificate of CPO's repo host expires. Nil without
	// one, and if it could not be read.
	CertificateEnd *time.Time `json:"certificateEnd,omitempty"`
	// Created and Upgraded report whether stanza-create or stanza-upgrade was run.
	Created  bool `json:"created,omitempty"`
	Upgraded bool `json:"upgraded,omitempty"`
	// Heartbeat that the precheck has written and archived. Nil if it did not get that far.
	// It is for the step of the precheck only.
	Heartbeat *remote.Heartbeat `json:"-"`
	// Info is what pgbackrest info said last. It is for the step of the precheck only.
	Info pgbackrest.Info `json:"-"`
}

// precheck is what the checks have found so far.
type precheck struct {
	Input

	// postgresql is the resource, backupDigest the digest of its spec.backup.
	postgresql   cpo.Postgresql
	backupDigest string
	stanza       stanzaflowv1alpha1.Stanza
	target       storage.Target
	// primary is where PostgreSQL runs, host where the backup is made. Without a
	// repo host they are the same.
	primary, host remote.Place
	postgres      remote.Postgres
	version       string
	// primaryOptions and hostOptions are those of repos, in the files of each.
	primaryOptions, hostOptions []pgbackrest.FileOption
	info                        pgbackrest.Info
	// missing are the repos without the stanza. created and upgraded report what was done
	// to the stanza.
	missing           []int
	created, upgraded bool
	// listed reports whether the backup of this run is there already.
	listed bool
	facts  gate.Facts
	// certificateEnd is nil if it is not known.
	certificateEnd *time.Time
	// heartbeat is nil until one is archived.
	heartbeat *remote.Heartbeat
}

// Run makes the checks, and returns what they found if all pass. The CertificateEnd and the
// Heartbeat are there in any case.
func Run(ctx context.Context, in Input) (Result, error) {
	p := &precheck{Input: in}
	for _, check := range checks {
		if err := check(p, ctx); err != nil {
			return Result{CertificateEnd: p.certificateEnd, Heartbeat: p.heartbeat}, err
		}
	}
	return Result{
		Labels: p.Cluster.Labels, Primary: p.target.Primary, Host: p.target.Host, Repo: p.target.Repo, StartFast: p.target.StartFast,
		ArchiveTimeout: p.target.ArchiveTimeout, Cipher: p.target.Repository.Cipher, Facts: p.facts,
		CertificateEnd: p.certificateEnd, Created: p.created, Upgraded: p.upgraded, Heartbeat: p.heartbeat, Info: p.info,
	}, nil
}

// onRepoHost reports whether the backup is made elsewhere than in the primary.
func (p *precheck) onRepoHost() bool { return p.host != p.primary }
