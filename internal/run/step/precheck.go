// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/gate"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// precheck finds the target, proves that a backup can be made there and that WAL
// is archived, creates the stanza where there is none, and asks the gate. The
// causes that are cheap to find come first.
func (s *step) precheck(ctx context.Context) error {
	w, err := s.wanted(ctx)
	if err != nil {
		return err
	}
	primary, err := s.primary(ctx, w.target)
	if err != nil {
		return err
	}
	var postgres answer
	if err := s.ask(ctx, primary, query, &postgres); err != nil {
		return err
	}
	if err := checkPostgres(primary, postgres); err != nil {
		return err
	}
	host := primary
	if w.target.OnRepoHost() {
		if host, err = s.place(ctx, w.target.Host); err != nil {
			return err
		}
	}
	facts := gate.Facts{Run: gate.Run{Namespace: s.Namespace, Cluster: s.Cluster, Repo: s.Repo, Type: s.Type, Trigger: s.Trigger}}
	if facts.PgBackRest.Version, err = s.versions(ctx, primary, host); err != nil {
		return err
	}
	onPrimary, onHost, err := s.configuration(ctx, w, primary, host)
	if err != nil {
		return err
	}
	info, created, err := s.stanza(ctx, w, primary, host, onPrimary)
	if err != nil {
		return err
	}
	facts.PgBackRest.StanzaCreated = created
	facts.Postgres = gate.Postgres{
		Pod: primary.Pod, Version: postgres.Version, SystemID: postgres.SystemID,
		DatabaseBytes: postgres.DatabaseBytes, WALSegmentBytes: postgres.WALSegmentBytes,
	}
	facts.Archive = gate.Archive{Mode: postgres.ArchiveMode, LastArchived: postgres.LastArchived, FailedSince: postgres.failedSince()}
	repoFacts(&facts, info, w.target, s.Clock.Now())
	if err := checkCipher(w, host, facts.Repo.Cipher, onHost); err != nil {
		return err
	}
	s.logf("target %s, PostgreSQL %d, pgBackRest %s, %d backups in %s", host, postgres.Version, facts.PgBackRest.Version, facts.Repo.Backups, s.Repo)
	if len(info.ByAnnotation(w.target.Repo, vocab.BackupAnnotation, s.Run)) > 0 {
		// The pod before this one made it. A gate that asks for the age of
		// the last backup would now be false because of it, and archiving
		// that has failed since does not make it worse.
		s.logf("the backup of this run is listed, the gate is not asked again")
	} else if err := s.mayBackUp(ctx, w, primary, facts); err != nil {
		return err
	}
	return s.Workspace.savePlan(plan{
		Primary: w.target.Primary, Host: w.target.Host, Repo: w.target.Repo, StartFast: w.target.StartFast,
		Cipher: w.target.Repository.Cipher, Facts: facts,
	})
}

// primary finds the primary, unless it is about to go: CPO marks the pods of a
// cluster for as long as it upgrades them.
func (s *step) primary(ctx context.Context, target translate.Target) (remote.Place, error) {
	pod, err := s.pod(ctx, target.Primary)
	if err != nil {
		return remote.Place{}, err
	}
	if pod.Labels[cpo.LabelCriticalOperation] == "true" {
		return remote.Place{}, held("postgresql %s/%s is being upgraded, no backup is made: pod %s has the label %s=true; run again when it is gone",
			s.Namespace, s.Cluster, pod.Name, cpo.LabelCriticalOperation)
	}
	return s.container(pod, target.Primary.Name)
}

// mayBackUp asks those who can say no: archiving, then the user.
func (s *step) mayBackUp(ctx context.Context, w wanted, primary remote.Place, facts gate.Facts) error {
	if err := s.checkArchiving(ctx, primary); err != nil {
		return err
	}
	return s.gate(w.stanza.Spec.Gate, facts)
}

// versions returns the version of pgBackRest. Two that differ do not talk to
// each other.
func (s *step) versions(ctx context.Context, primary, host remote.Place) (string, error) {
	version, err := s.version(ctx, primary)
	if err != nil || host == primary {
		return version, err
	}
	other, err := s.version(ctx, host)
	if err == nil && other != version {
		return "", stop("pgBackRest is %s in %s and %s in %s, and refuses to work with another version: set spec.backup.pgbackrest.image to one with the version of the PostgreSQL pods",
			version, primary, other, host)
	}
	return other, err
}

func (s *step) version(ctx context.Context, at remote.Place) (string, error) {
	out, err := s.capture(ctx, at, pgbackrest.VersionCommand())
	if code, ended := remote.ExitCode(err); ended && code != 0 {
		return "", commandFailed("pgbackrest version", at, failure.Diagnose(code, out.text()))
	}
	if err != nil {
		return "", fmt.Errorf("cannot run pgBackRest in %s: %w", at, err)
	}
	return strings.TrimPrefix(strings.TrimSpace(out.stdout.String()), "pgBackRest "), nil
}

func repoFacts(facts *gate.Facts, info pgbackrest.Info, target translate.Target, now time.Time) {
	repo := target.Repo
	facts.Repo.Number, facts.Repo.Storage, facts.Repo.Location = repo, target.Repository.Storage, target.Repository.Location
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
func (s *step) gate(expression string, facts gate.Facts) error {
	open, err := gate.Open(expression, facts)
	if err != nil {
		return stop("the gate of stanza %s/%s %v: correct spec.gate", s.Namespace, s.Cluster, err)
	}
	if !open {
		return held("the gate of stanza %s/%s is false, no backup is made: %s", s.Namespace, s.Cluster, expression)
	}
	return nil
}
