// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drillplan

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	config "github.com/stanzaflow/stanzaflow/internal/drill"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
)

// choose finds the drill in the configuration, and its target.
func (p *planning) choose() error {
	all, err := config.Decode(p.Config)
	if err != nil {
		return err
	}
	if p.plan.Drill, err = all.Find(p.Drill); err != nil {
		return fmt.Errorf("parameter drill: %w; see spec.drills of the Stanza", err)
	}
	all.Drills = nil
	p.plan.Config, p.plan.Deadline = all, p.deadline
	p.report.Repo = p.plan.Drill.Repo
	p.report.Drill = &report.Drill{Name: p.plan.Drill.Name, Target: string(p.plan.Drill.Target)}
	if p.Target == "" {
		return nil
	}
	p.report.Drill.Target = p.Target
	switch stanzaflowv1alpha1.DrillTarget(p.Target) {
	case stanzaflowv1alpha1.TargetNewest, stanzaflowv1alpha1.TargetRandom, stanzaflowv1alpha1.TargetImmediate:
		return nil
	}
	moment, err := parseMoment(p.Target)
	p.report.Drill.Moment = &moment
	return err
}

// momentLayouts are the ways in which a moment may be written. Each has the offset from
// UTC: without it, pgBackRest and PostgreSQL would read two different moments.
var momentLayouts = []string{
	"2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999-0700", time.RFC3339Nano,
}

// parseMoment reads the moment of a target, in UTC.
func parseMoment(text string) (time.Time, error) {
	for _, layout := range momentLayouts {
		if moment, err := time.Parse(layout, text); err == nil {
			return moment.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, fmt.Errorf("parameter target is %q, must be Newest, Random, Immediate, or a moment with its offset from UTC, such as 2026-11-26 03:12:44+00", text)
}

// place is where questions are asked.
type place struct {
	// primary is where PostgreSQL runs, nil if there is none now.
	primary *remote.Place
	// repo is where the repo is read.
	repo       remote.Place
	repoNumber int
	stanza     stanzaflowv1alpha1.Stanza
}

// find reads the resources of the cluster, and finds its pods. It holds a drill that cannot
// succeed now, though nothing is wrong with the backups.
func (p *planning) find(ctx context.Context) (place, error) {
	c := p.cluster
	postgresql, _, err := c.Finder.Postgresql(ctx, c.Namespace, c.Name)
	if apierrors.IsNotFound(err) {
		return place{}, attempt.Stop("there is no postgresql %s/%s", c.Namespace, c.Name)
	}
	if err != nil {
		return place{}, fmt.Errorf("cannot read postgresql %s/%s: %w", c.Namespace, c.Name, err)
	}
	if err := held(postgresql); err != nil {
		return place{}, err
	}
	found := place{}
	if found.stanza, err = c.Finder.Stanza(ctx, c.Namespace, c.Name); err != nil {
		return place{}, fmt.Errorf("cannot read stanza %s/%s: %w", c.Namespace, c.Name, err)
	}
	c.Labels = remote.LabelsIn(found.stanza.Status)
	target, err := storage.TargetFor(postgresql, c.Labels, p.plan.Drill.Repo)
	if err != nil {
		return place{}, attempt.Stop("%v", err)
	}
	found.repoNumber = target.Repo
	if found.primary, err = p.findPrimary(ctx, target.Primary); err != nil {
		return place{}, err
	}
	found.repo, err = p.findRepo(ctx, target, found.primary)
	return found, err
}

// held returns why there can be no drill now.
func held(postgresql cpo.Postgresql) error {
	const drillHeld = "postgresql %s/%s cannot be drilled now, nothing is restored: %s"
	if why := postgresql.Operation.Held(); why != "" {
		return attempt.Held(drillHeld, postgresql.Namespace, postgresql.Name, why)
	}
	if postgresql.Operation.Encrypted {
		return attempt.Held(drillHeld, postgresql.Namespace, postgresql.Name, "spec.tde is enabled: no other PostgreSQL can read its files; restore it by hand")
	}
	return nil
}

// findPrimary returns nil if the cluster has no primary that is ready: that is what backups
// are for.
func (p *planning) findPrimary(ctx context.Context, container storage.Container) (*remote.Place, error) {
	c := p.cluster
	pod, err := c.FindPod(ctx, container)
	if err == nil && pod.Labels[cpo.LabelCriticalOperation] == "true" {
		return nil, attempt.Held("postgresql %s/%s is being upgraded, nothing is restored: pod %s has the label %s=true", c.Namespace, c.Name, pod.Name, cpo.LabelCriticalOperation)
	}
	var primary remote.Place
	if err == nil {
		primary, err = c.FindContainer(pod, container.Name)
	}
	if err == nil {
		return &primary, nil
	}
	if !p.attempts.Last() {
		return nil, err // It may be a failover, which passes.
	}
	p.logf("there is no primary, so no heartbeat is written: %v", err)
	return nil, nil
}

// findRepo returns where the repo is read: the repo host, the primary, or any PostgreSQL
// pod that is ready.
func (p *planning) findRepo(ctx context.Context, target storage.Target, primary *remote.Place) (remote.Place, error) {
	if target.OnRepoHost() {
		return p.cluster.Find(ctx, target.Host)
	}
	if primary != nil {
		return *primary, nil
	}
	members, err := p.cluster.Members(ctx)
	if err != nil {
		return remote.Place{}, err
	}
	for _, member := range members {
		if member.Ready && member.Container == cpo.ContainerPostgreSQL {
			return member.Place, nil
		}
	}
	return remote.Place{}, attempt.Retry("no container of postgresql %s/%s is ready, so its repo cannot be read: start the cluster", p.cluster.Namespace, p.cluster.Name)
}
