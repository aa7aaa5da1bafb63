// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/gate"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// precheck finds the target, proves that a backup can be made there, creates
// the stanza where there is none, and asks the gate.
func (s *step) precheck(ctx context.Context) error {
	target, config, err := s.target(ctx)
	if err != nil {
		return err
	}
	at, err := s.place(ctx, target.Selector, target.Container)
	if err != nil {
		return err
	}
	facts := gate.Facts{Run: gate.Run{Namespace: s.Namespace, Cluster: s.Cluster, Repo: s.Repo, Type: s.Type, Trigger: s.Trigger}}
	if facts.PgBackRest.Version, err = s.version(ctx, at); err != nil {
		return err
	}
	var postgres answer
	if err := s.ask(ctx, at, query, &postgres); err != nil {
		return err
	}
	if err := checkPostgres(at, postgres); err != nil {
		return err
	}
	if err := s.checkConfig(at, postgres, config); err != nil {
		return err
	}
	info, created, err := s.stanza(ctx, at, target.Repo)
	if err != nil {
		return err
	}
	facts.PgBackRest.StanzaCreated = created
	facts.Postgres = gate.Postgres{
		Pod: at.Pod, Version: postgres.Version, SystemID: postgres.SystemID,
		DatabaseBytes: postgres.DatabaseBytes, WALSegmentBytes: postgres.WALSegmentBytes,
	}
	facts.Archive = gate.Archive{Mode: postgres.ArchiveMode, LastArchived: postgres.LastArchived, FailedSince: postgres.failedSince()}
	repoFacts(&facts, info, target.Repo, s.Clock.Now())
	s.logf("target %s, PostgreSQL %d, pgBackRest %s, %d backups in %s", at, postgres.Version, facts.PgBackRest.Version, facts.Repo.Backups, s.Repo)
	if len(info.ByAnnotation(target.Repo, vocab.BackupAnnotation, s.Run)) > 0 {
		// The pod before this one made it. A gate that asks for the age of
		// the last backup would now be false because of it.
		s.logf("the backup of this run is listed, the gate is not asked again")
	} else if err := s.gate(ctx, facts); err != nil {
		return err
	}
	return s.Workspace.savePlan(plan{
		Selector: target.Selector, Container: target.Container, Repo: target.Repo, StartFast: target.StartFast, Facts: facts,
	})
}

// target reads the resource with the same code that the operator translates. It
// also returns the digest of the configuration that the operator has written for
// it, empty where the operator keeps an older one.
func (s *step) target(ctx context.Context) (translate.Target, string, error) {
	cluster, fieldErrors, err := s.Finder.Postgresql(ctx, s.Namespace, s.Cluster)
	if apierrors.IsNotFound(err) {
		return translate.Target{}, "", stop("there is no postgresql %s/%s", s.Namespace, s.Cluster)
	}
	if err != nil {
		return translate.Target{}, "", fmt.Errorf("cannot read postgresql %s/%s: %w", s.Namespace, s.Cluster, err)
	}
	target, err := translate.TargetFor(cluster, s.Repo)
	if err != nil {
		return target, "", stop("%v", err)
	}
	plan := translate.Translate(translate.Input{Cluster: cluster, FieldErrors: fieldErrors})
	if plan.Keep.ConfigMap || plan.ConfigMap == nil {
		return target, "", nil
	}
	digest := sha256.Sum256([]byte(plan.ConfigMap.Data[cpo.ConfigFileName]))
	return target, hex.EncodeToString(digest[:]), nil
}

// checkConfig makes sure that pgBackRest in the pod goes by the resource. A pod
// without the file would back up to a directory of its own container.
func (s *step) checkConfig(at Place, a answer, digest string) error {
	name := cpo.ConfigMapName(s.Cluster)
	switch {
	case a.Config == nil:
		return retry("there is no %s/%s in %s: mount the ConfigMap %s there; a new one needs a minute to arrive", cpo.ConfigDir, cpo.ConfigFileName, at, name)
	case digest != "" && *a.Config != digest:
		return retry("%s/%s in %s is not yet what the postgresql resource asks for: Kubernetes projects a changed ConfigMap within about a minute; if it stays so, look at the ConfigMap %s and at the Stanza",
			cpo.ConfigDir, cpo.ConfigFileName, at, name)
	}
	return nil
}

func (s *step) version(ctx context.Context, at Place) (string, error) {
	out, err := s.capture(ctx, at, pgbackrest.VersionCommand())
	if code, ended := exitCode(err); ended && code != 0 {
		return "", stop("pgBackRest does not run in %s: exit code %d: %s", at, code, out.complaint())
	}
	if err != nil {
		return "", fmt.Errorf("cannot run pgBackRest in %s: %w", at, err)
	}
	return strings.TrimPrefix(strings.TrimSpace(out.stdout.String()), "pgBackRest "), nil
}

func checkPostgres(at Place, a answer) error {
	switch {
	case a.InRecovery:
		return retry("PostgreSQL in %s is in recovery, it is not the primary: correct the label %s, or wait for the failover", at, cpo.LabelRole)
	case a.ArchiveMode != "on":
		return stop("archive_mode is %s in %s, must be on: without the WAL no backup can be restored", a.ArchiveMode, at)
	case !a.ArchiveCommand:
		return stop("archive_command in %s does not run pgbackrest: set it to pgbackrest --stanza=%s archive-push \"%%p\"", at, vocab.PgBackRestStanza)
	}
	return nil
}

// stanza returns the info of a stanza that exists in the repo, and whether it
// was created now. A repo that was added later gets its stanza here too.
func (s *step) stanza(ctx context.Context, at Place, repo int) (pgbackrest.Info, bool, error) {
	info, err := s.info(ctx, at)
	if err != nil {
		return info, false, err
	}
	if !stanzaMissing(info, repo) {
		return info, false, repoReadable(at, info, repo)
	}
	argv, err := pgbackrest.StanzaCreateCommand(vocab.PgBackRestStanza)
	if err != nil {
		return info, false, stop("%v", err)
	}
	s.logf("stanza %s is missing in repo%d", vocab.PgBackRestStanza, repo)
	if _, err := s.pgBackRest(ctx, at, argv, s.follow); err != nil {
		return info, false, err
	}
	if info, err = s.info(ctx, at); err != nil {
		return info, false, err
	}
	return info, true, repoReadable(at, info, repo)
}

// stanzaMissing: of the repo where info knows it, of all repos otherwise.
func stanzaMissing(info pgbackrest.Info, repo int) bool {
	status := info.Status
	if r, ok := info.Repo(repo); ok {
		status = r.Status
	}
	return status.Code == pgbackrest.StatusMissingStanzaPath || status.Code == pgbackrest.StatusMissingStanzaData
}

// repoReadable: info exits 0 for a repo that it cannot read.
func repoReadable(at Place, info pgbackrest.Info, repo int) error {
	r, ok := info.Repo(repo)
	if !ok {
		return stop("pgBackRest in %s does not know repo%d: its configuration is not the one of the postgresql resource; look at the ConfigMap that the pod mounts at /etc/pgbackrest/conf.d", at, repo)
	}
	if r.Status.Code == pgbackrest.StatusOK || r.Status.Code == pgbackrest.StatusNoBackups {
		return nil
	}
	f := pgbackrest.ClassifyStatus(r.Status)
	failure := &Failure{Message: fmt.Sprintf("pgBackRest in %s cannot use repo%d: %s", at, repo, f), Code: f.Code, Stop: f.Class == pgbackrest.Stop}
	if failure.Stop {
		return backoff.Permanent(failure)
	}
	return failure
}

func repoFacts(facts *gate.Facts, info pgbackrest.Info, repo int, now time.Time) {
	facts.Repo.Number = repo
	if r, ok := info.Repo(repo); ok {
		facts.Repo.Cipher = r.Cipher
	}
	for _, b := range info.Backups {
		if b.RepoKey == repo {
			facts.Repo.Backups++
		}
	}
	newest := func(backupType string) *gate.Backup {
		b, ok := info.Newest(repo, backupType)
		if !ok {
			return nil
		}
		return &gate.Backup{
			Label: b.Label, Type: b.Type, Stop: b.Stop, Age: now.Sub(b.Stop),
			DatabaseBytes: b.DatabaseBytes, RepoBytes: b.RepoDeltaBytes,
		}
	}
	facts.LastBackup, facts.LastFull = newest(""), newest(cpo.Full)
	facts.LastDiff, facts.LastIncr = newest(cpo.Diff), newest(cpo.Incr)
}

// gate asks the user's expression. It fails closed.
func (s *step) gate(ctx context.Context, facts gate.Facts) error {
	stanza, err := s.Finder.Stanza(ctx, s.Namespace, s.Cluster)
	if err != nil {
		return fmt.Errorf("cannot read stanza %s/%s: %w", s.Namespace, s.Cluster, err)
	}
	open, err := gate.Open(stanza.Gate, facts)
	if err != nil {
		return stop("the gate of stanza %s/%s %v: correct spec.gate", s.Namespace, s.Cluster, err)
	}
	if !open {
		return backoff.Permanent(&Failure{Held: true, Stop: true, Message: fmt.Sprintf(
			"the gate of stanza %s/%s is false, no backup was made: %s", s.Namespace, s.Cluster, stanza.Gate)})
	}
	return nil
}
