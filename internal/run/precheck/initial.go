// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	// initialTime is how long the first run of a cluster waits for CPO. Its image looks
	// every 60 s whether the pod is the primary, then makes the stanza and starts a
	// full backup: two minutes, and one for slow pods.
	initialTime = 3 * time.Minute
	// initialPoll is the wait between two looks.
	initialPoll = 10 * time.Second
)

// awaitCPO has the first run of a cluster wait until CPO's image has made its own first
// backup, or is making it. Two that make the stanza at once get in each other's way, and
// CPO's image does not try again. The step backup then waits for the end of a running
// one. If CPO begins none, the run makes its own.
func (p *precheck) awaitCPO(ctx context.Context) error {
	if p.Trigger != vocab.TriggerInitial || !p.besideCPO() {
		return nil
	}
	for since := p.Clock.Now(); ; {
		begun, err := p.hasBackup(ctx)
		if err != nil || begun {
			return err
		}
		if p.Clock.Since(since) >= initialTime {
			p.Logf("CPO has begun no first backup within %s", initialTime)
			return nil
		}
		p.Logf("waiting: CPO has not yet begun its first backup")
		if err := p.Clock.Sleep(ctx, initialPoll); err != nil {
			return attempt.Retry("it waited for the first backup of CPO: %v", err)
		}
	}
}

// hasBackup reports whether a backup is listed in any repo, or is running. The lock of one
// on the repo host is not seen from the primary, but its session is.
func (p *precheck) hasBackup(ctx context.Context) (bool, error) {
	sessions, err := p.Cluster.CountBackupSessions(ctx, p.primary)
	if err != nil || sessions > 0 {
		return true, err
	}
	info, err := p.ReadInfo(ctx, p.primary, pgbackrest.AllRepos)
	return info.Running || len(info.Backups) > 0, err
}
