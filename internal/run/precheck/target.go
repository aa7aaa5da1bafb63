// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"fmt"
	"path"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/translate/storage"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// readPostgresql reads the resource, and whether CPO is doing with the cluster
// what allows no backup.
func (p *precheck) readPostgresql(ctx context.Context) (err error) {
	c := p.Cluster
	p.postgresql, p.backupDigest, err = c.Finder.Postgresql(ctx, c.Namespace, c.Name)
	if apierrors.IsNotFound(err) {
		return attempt.Stop("there is no postgresql %s/%s", c.Namespace, c.Name)
	}
	if err != nil {
		return fmt.Errorf("cannot read postgresql %s/%s: %w", c.Namespace, c.Name, err)
	}
	if why := p.postgresql.Operation.Held(); why != "" {
		return attempt.Held("postgresql %s/%s cannot be backed up now, no backup is made: %s; the schedules continue by themselves when that is over", c.Namespace, c.Name, why)
	}
	return nil
}

func (p *precheck) readStanza(ctx context.Context) (err error) {
	c := p.Cluster
	if p.stanza, err = c.Finder.Stanza(ctx, c.Namespace, c.Name); err != nil {
		return fmt.Errorf("cannot read stanza %s/%s: %w", c.Namespace, c.Name, err)
	}
	c.Labels = remote.LabelsIn(p.stanza.Status)
	return nil
}

func (p *precheck) findTarget(context.Context) (err error) {
	if p.target, err = storage.TargetFor(p.postgresql, p.Cluster.Labels, p.Repo); err != nil {
		return attempt.Stop("%v", err)
	}
	return nil
}

// findPrimary refuses a primary that is about to go: CPO marks the pods of a
// cluster for as long as it upgrades them.
func (p *precheck) findPrimary(ctx context.Context) error {
	c := p.Cluster
	if err := c.LookAround(ctx); err != nil {
		return err
	}
	pod, err := c.FindPod(ctx, p.target.Primary)
	if err != nil {
		return err
	}
	if pod.Labels[cpo.LabelCriticalOperation] == "true" {
		return attempt.Held("postgresql %s/%s is being upgraded, no backup is made: pod %s has the label %s=true; run again when it is gone",
			c.Namespace, c.Name, pod.Name, cpo.LabelCriticalOperation)
	}
	if p.primary, err = c.FindContainer(pod, p.target.Primary.Name); err == nil {
		p.askPrimary(ctx)
	}
	return err
}

// askPrimary asks the primary at once what the checks after this one want to know of it.
func (p *precheck) askPrimary(ctx context.Context) {
	file := path.Join(cpo.ConfigDir, cpo.ConfigFileName)
	configuration := pgbackrest.ConfigDigestCommand(file)
	if p.besideCPO() {
		configuration = pgbackrest.PlacesCommand(file)
	}
	info, err := pgbackrest.InfoCommand(vocab.PgBackRestStanza, pgbackrest.AllRepos)
	if err != nil {
		return // The check that reads it says so.
	}
	p.Cluster.Ask(ctx, p.primary, remote.PsqlCommand(remote.PostgresStatement), pgbackrest.VersionCommand(), configuration,
		pgbackrest.OptionNamesCommand(cpo.ConfigDir), info)
}

func (p *precheck) findHost(ctx context.Context) (err error) {
	p.host = p.primary
	if p.target.OnRepoHost() {
		p.host, err = p.Cluster.Find(ctx, p.target.Host)
	}
	return err
}

// checkVersions refuses two versions of pgBackRest that do not talk to each other.
func (p *precheck) checkVersions(ctx context.Context) (err error) {
	if p.version, err = p.Cluster.Version(ctx, p.primary); err != nil || !p.onRepoHost() {
		return err
	}
	version, err := p.Cluster.Version(ctx, p.host)
	if err == nil && version != p.version {
		return attempt.Stop("pgBackRest is %s in %s and %s in %s, and refuses to work with another version: set spec.backup.pgbackrest.image to one with the version of the PostgreSQL pods",
			p.version, p.primary, version, p.host)
	}
	return err
}
