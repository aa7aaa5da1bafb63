// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkSlot finds out whether the slot of a scheduled run belongs to a CronJob of
// CPO. The operator hands a schedule over by several writes, and may be killed
// between any two of them; so the run looks itself, and the one field that decides
// is spec.suspend of the CronJob. A run that a person starts, or resubmits, has no slot.
func (p *precheck) checkSlot(ctx context.Context) error {
	if p.Trigger != vocab.TriggerSchedule || !p.besideCPO() {
		return nil
	}
	c := p.Cluster
	slot, err := p.ReadSlot(ctx)
	if err != nil {
		return fmt.Errorf("cannot read the Workflow of this run: %w", err)
	}
	if slot.IsZero() {
		return nil
	}
	cronJobs, err := c.Finder.CronJobs(ctx, c.Namespace, c.Labels.BackupJobs(c.Name))
	switch {
	case apierrors.IsForbidden(err): // An API server that has just started forbids everything, too.
		return attempt.Retry("cannot see whether CPO makes this backup: the run may not list CronJobs in namespace %s, %s: %v", c.Namespace, alongside, err)
	case err != nil:
		return fmt.Errorf("cannot list the CronJobs of postgresql %s/%s: %w", c.Namespace, c.Name, err)
	}
	for i := range cronJobs {
		if err := p.checkCronJob(&cronJobs[i], slot); err != nil {
			return err
		}
	}
	return p.checkJobs(ctx, slot)
}

// checkJobs finds out whether a CronJob that is gone had the slot: CPO deletes one, and
// makes another, and its Job stays.
func (p *precheck) checkJobs(ctx context.Context, slot time.Time) error {
	c := p.Cluster
	jobs, err := c.Finder.Jobs(ctx, c.Namespace, c.Labels.BackupJobs(c.Name))
	switch {
	case apierrors.IsForbidden(err):
		return attempt.Retry("cannot see whether CPO makes this backup: the run may not list Jobs in namespace %s, %s: %v", c.Namespace, alongside, err)
	case err != nil:
		return fmt.Errorf("cannot list the Jobs of postgresql %s/%s: %w", c.Namespace, c.Name, err)
	}
	for i := range jobs {
		decoded := cpo.DecodeJob(&jobs[i])
		if decoded.Repo == p.Repo && decoded.Type == p.Type && decoded.Slot.Equal(slot) {
			return attempt.Held("the slot %s belongs to CPO's CronJob that has started Job %s/%s for it; to make another backup now, run argo submit --from workflowtemplate/%s",
				slot.UTC().Format(time.RFC3339), c.Namespace, jobs[i].Name, vocab.DefaultWorkflowTemplate)
		}
	}
	return nil
}

// checkCronJob finds out whether a slot belongs to one CronJob. One whose command
// cannot be read may make any backup.
func (p *precheck) checkCronJob(cronJob *batchv1.CronJob, slot time.Time) error {
	decoded := cpo.DecodeCronJob(cronJob)
	unreadable := decoded.Repo == ""
	if !unreadable && (decoded.Repo != p.Repo || decoded.Type != p.Type) || !decoded.Makes(slot) {
		return nil
	}
	name, at := cronJob.Namespace+"/"+cronJob.Name, slot.UTC().Format(time.RFC3339)
	if unreadable {
		return attempt.Held("the slot %s may belong to CPO's CronJob %s, whose command cannot be read; no backup is made: to have them from here, set spec.suspend of the CronJob to true", at, name)
	}
	return attempt.Held("the slot %s belongs to CPO's CronJob %s, which makes the backup; to make another one now, run argo submit --from workflowtemplate/%s", at, name, vocab.DefaultWorkflowTemplate)
}
