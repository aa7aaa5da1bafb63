// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/failure"
	"github.com/stanzaflow/stanzaflow/internal/run/precheck"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// precheck finds out whether a backup can and may be made now, and leaves what it
// found for the other steps. A run of the kind stanza succeeds here.
func (s *step) precheck(ctx context.Context) error {
	found, err := precheck.Run(ctx, precheck.Input{
		Kind: s.Kind, OnlyReuse: s.Predeploy.OnlyReuse,
		Cluster: s.cluster, Clock: s.clock, Logf: s.logf, ReadInfo: s.readInfo, ReadSlot: s.readSlot,
		Repo: s.Backup.Repo, Type: s.Backup.Type, Trigger: s.Trigger, Run: s.Run,
	})
	s.report.CertificateEnd = found.CertificateEnd
	s.noteHeartbeat(found.Heartbeat)
	if err != nil {
		return err
	}
	if err := s.Workspace.savePrecheck(found); err != nil {
		return err
	}
	switch {
	case s.Kind == vocab.RunStanza:
		s.report.Result, s.report.Message, s.report.Code = stanzaflowv1alpha1.RunSucceeded, "", 0
		s.report.Stanza = &report.Stanza{Created: found.Created, Upgraded: found.Upgraded}
	case s.Predeploy.OnlyReuse:
		return s.reuse(ctx, found)
	}
	return nil
}

// noteHeartbeat adds a heartbeat to the report, unless there is none. The report keeps it
// however the run ends: it is a fact of the archive, and no part of the proof.
func (s *step) noteHeartbeat(h *remote.Heartbeat) {
	if h == nil {
		return
	}
	timeline, err := h.Timeline()
	if err != nil {
		s.logf("the heartbeat is not reported: %v", err)
		return
	}
	s.report.Heartbeat = &report.Heartbeat{Time: h.Time.UTC(), LSN: h.LSN, Timeline: timeline}
	if h.LastArchived != nil {
		s.report.Heartbeat.LastArchived = new(h.LastArchived.UTC())
	}
	s.logf("heartbeat at %s, %s on timeline %d, is in every repo: the database can be restored to that time", h.Time.UTC().Format(time.RFC3339Nano), h.LSN, timeline)
}

// locate returns what precheck found, and the container where the backup is made.
func (s *step) locate(ctx context.Context) (precheck.Result, remote.Place, error) {
	found, err := s.Workspace.precheck()
	if err != nil {
		return found, remote.Place{}, err
	}
	at, err := s.cluster.Find(ctx, found.Host)
	return found, at, err
}

// readSlot reads for which slot of the postgresql the Workflow of the run was made.
func (s *step) readSlot(ctx context.Context) (time.Time, error) {
	return s.Workflows.Slot(ctx, s.Namespace, s.Workflow, s.Run)
}

// readInfo reads pgbackrest info of a repo, or of all, and keeps it in the
// workspace.
func (s *step) readInfo(ctx context.Context, at remote.Place, repo int) (pgbackrest.Info, error) {
	info, text, err := s.cluster.Info(ctx, at, repo)
	if err != nil || failure.Redact(text) != text {
		// The repo host cannot read its configuration, and the message has a
		// piece of it. The file is published.
		return info, err
	}
	return info, s.Workspace.write(fileInfo, []byte(text))
}
