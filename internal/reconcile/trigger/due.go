// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"slices"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// gather is how long after the first cause others join it.
	gather = 5 * time.Second
	// upgradeSettle is how long CPO may take to begin with a major upgrade that it is
	// asked for. A backup before it would not be the one that is wanted.
	upgradeSettle = time.Minute
	// upgradePoll is how soon to look again whether an upgrade has ended.
	upgradePoll = 30 * time.Second
)

// start starts the run of a trigger if one is due, and otherwise says what it waits for.
func (d *decider) start(e *entry, t terms) {
	if e.Pending == nil {
		return
	}
	if e.Message = d.waits(e, t); e.Message != "" {
		return
	}
	if label := d.youngEnough(e, t); label != "" {
		d.notNeeded(e, "backup "+label+" of "+t.repo+" is younger than maxAge "+t.maxAge.String())
		return
	}
	stored := e.stored
	if stored == nil || !stored.Since.Equal(&e.Pending.Since) || !startsWith(e.Pending.Causes, stored.Causes) {
		d.wake(d.in.Now.Add(time.Second)) // when the API server has them
		return
	}
	d.out.Start = append(d.out.Start, Start{
		Trigger: e.Name, Name: runName(d.in.Cluster.Name, e.Name, stored.Since), Kind: t.kind, Repo: t.repo, Type: t.backupType,
		Value: t.value, Causes: stored.Causes, Since: stored.Since, Overdue: t.overdue, cluster: d.in.Cluster.Name, now: d.now(),
	})
}

// startsWith reports whether no cause of some has gone. Those without a name are only
// counted.
func startsWith(all, some []string) bool {
	named, _ := split(some)
	allNamed, _ := split(all)
	return len(allNamed) >= len(named) && slices.Equal(allNamed[:len(named)], named)
}

// waits says what a run waits for, in words that do not change while it waits for the
// same. It is empty if it may start.
func (d *decider) waits(e *entry, t terms) string {
	if d.in.Hold != "" {
		return d.in.Hold
	}
	p := d.in.Seen.Primary
	switch due, why := dueTime(e.TriggerStatus, t); {
	case d.in.Now.Before(due):
		d.wake(due)
		if why == "" && (p == nil || !p.Ready) {
			break // It will wait for that anyway: one message, and one write of it.
		}
		return fmt.Sprintf("the run starts at %s%s", due.UTC().Format(time.RFC3339), why)
	case t.upgrade:
		if waits := d.waitsForUpgrade(e); waits != "" {
			return waits
		}
	}
	switch {
	case p == nil || p.Pod == "": // None, two in the moment of a failover, or not known yet.
		return "waits for the primary: no single pod is known to have the role"
	case p.Upgrading:
		d.wake(d.in.Now.Add(upgradePoll))
		return "waits for the end of the major upgrade: pod " + p.Pod + " has the label " + cpo.LabelCriticalOperation + "=true"
	case !p.Ready:
		return "waits for the primary: pod " + p.Pod + " is not ready"
	}
	return d.waitsForRun(t)
}

// dueTime is the earliest time of a run, and why it is not earlier.
func dueTime(e stanzaflowv1alpha1.TriggerStatus, t terms) (time.Time, string) {
	due, why := e.Pending.Since.Add(gather), ""
	if t.attempts > 0 {
		return e.Pending.Since.Add(retryAfter(t.attempts, t.longest)), fmt.Sprintf(", after %d without success", t.attempts)
	}
	if t.cooldown > 0 && e.LastFiredTime != nil && e.LastFiredTime.Add(t.cooldown).After(due) {
		due, why = e.LastFiredTime.Add(t.cooldown), ", when the cooldown is over"
	}
	return due, why
}

// waitsForUpgrade says what the first run after a major upgrade waits for: a backup of
// the version before is not the one that is wanted.
func (d *decider) waitsForUpgrade(e *entry) string {
	status := d.in.Cluster.Operation.Status
	switch begins := e.Pending.Since.Add(upgradeSettle); {
	case status == "": // No CPO upgrades this cluster.
	case d.in.Now.Before(begins):
		d.wake(begins)
		return "waits for CPO to begin with the major upgrade"
	case status == cpo.StatusUpdating:
		return "waits for the end of the major upgrade: CPO says " + status
	}
	return ""
}

// waitsForRun is for a trigger that is content with a backup of another run: one that
// has the cluster now may make it, and this one could not start before it ends anyway.
func (d *decider) waitsForRun(t terms) string {
	if t.maxAge == 0 || t.newOnly {
		return ""
	}
	for _, run := range d.in.Runs {
		if run.Kind == vocab.RunBackup && run.Status.Repo == t.repo && !outcome.Finished(&run.Status) {
			return "waits for run " + run.Status.Workflow + ", whose backup will do"
		}
	}
	return ""
}

// youngEnough is the label of the newest proven backup of the repo if it is younger than
// maxAge.
func (d *decider) youngEnough(e *entry, t terms) string {
	repo := d.repo(t.repo)
	if t.maxAge == 0 || repo == nil || repo.LastBackup == nil {
		return ""
	}
	last := repo.LastBackup
	if t.newOnly && last.StartTime.Before(&e.Pending.Since) || d.in.Now.Sub(last.StopTime.Time) >= t.maxAge {
		return ""
	}
	return last.Label
}

func (d *decider) repo(name string) *stanzaflowv1alpha1.RepoStatus {
	for i := range d.in.Repos {
		if d.in.Repos[i].Name == name {
			return &d.in.Repos[i]
		}
	}
	return nil
}

// notNeeded is done with all pending causes without a run.
func (d *decider) notNeeded(e *entry, why string) {
	e.Causes, e.LastFiredTime, e.Workflow = e.Pending.Causes, new(d.now()), ""
	e.Result, e.Message = stanzaflowv1alpha1.TriggerNotNeeded, why
	e.Pending = nil
}
