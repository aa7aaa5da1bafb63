// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/gate"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// gatherFacts collects what the checks have found.
func (p *precheck) gatherFacts(context.Context) error {
	repository := p.target.Repository
	p.facts = gate.Facts{
		Run: gate.Run{Namespace: p.Cluster.Namespace, Cluster: p.Cluster.Name, Repo: p.Repo, Type: p.Type, Trigger: p.Trigger},
		Postgres: gate.Postgres{
			Pod: p.primary.Pod, Version: p.postgres.Version, SystemID: p.postgres.SystemID,
			DatabaseBytes: p.postgres.DatabaseBytes, WALSegmentBytes: p.postgres.WALSegmentBytes,
		},
		PgBackRest: gate.PgBackRest{Version: p.version, StanzaCreated: p.created},
		Archive:    gate.Archive{Mode: p.postgres.ArchiveMode, LastArchived: p.postgres.LastArchived, FailedSince: p.postgres.FailedSince()},
		Repo:       gate.Repo{Number: p.target.Repo, Storage: repository.Storage, Location: repository.Location},
		LastBackup: p.newest(""),
		LastFull:   p.newest(cpo.Full), LastDiff: p.newest(cpo.Diff), LastIncr: p.newest(cpo.Incr),
	}
	if r, ok := p.info.Repo(p.target.Repo); ok {
		p.facts.Repo.Cipher = r.Cipher
	}
	for _, b := range p.info.Backups {
		if b.RepoKey == p.target.Repo {
			p.facts.Repo.Backups++
		}
	}
	p.Logf("target %s, PostgreSQL %d, pgBackRest %s, %d backups in %s", p.host, p.postgres.Version, p.version, p.facts.Repo.Backups, p.Repo)
	if p.listed = len(p.info.ByAnnotation(p.target.Repo, vocab.BackupAnnotation, p.Run)) > 0; p.listed {
		// The pod before this one made it.
		p.Logf("the backup of this run is listed, the gate is not asked again")
	}
	return nil
}

// newest returns the newest backup of a type in the repo, nil if there is none.
func (p *precheck) newest(backupType string) *gate.Backup {
	b, ok := p.info.Newest(p.target.Repo, backupType)
	if !ok {
		return nil
	}
	return &gate.Backup{
		Label: b.Label, Type: b.Type, Stop: b.Stop, Age: p.Clock.Now().Sub(b.Stop),
		DatabaseBytes: b.DatabaseBytes, RepoBytes: b.RepoDeltaBytes,
	}
}

// checkGate asks the user's expression. It fails closed. A gate that asks for the
// age of the last backup is false because of the backup of this run, so it is not
// asked after that. It is about backups: it does not keep the stanza from being made.
func (p *precheck) checkGate(context.Context) error {
	if p.listed || p.Kind == vocab.RunStanza {
		return nil
	}
	c, expression := p.Cluster, p.stanza.Spec.Gate
	open, err := gate.Open(expression, p.facts)
	if err != nil {
		return attempt.Stop("the gate of stanza %s/%s %v: correct spec.gate", c.Namespace, c.Name, err)
	}
	if !open {
		return attempt.Held("the gate of stanza %s/%s is false, no backup is made: %s", c.Namespace, c.Name, expression)
	}
	return nil
}
