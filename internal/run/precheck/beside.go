// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// alongside names what gives the runner the rights that it needs beside CPO.
const alongside = "apply the component workflows/components/alongside to the namespace"

// besideCPO reports whether CPO writes the configuration of the cluster.
func (p *precheck) besideCPO() bool {
	declared := p.stanza.Status.Configuration
	return declared != nil && declared.Provisioner == string(vocab.ProvisionedByCPO)
}

// checkRestore finds a restore that the resource does not show. CPO marks it by a
// ConfigMap. The run may read none, because those of CPO hold credentials.
func (p *precheck) checkRestore(ctx context.Context) error {
	if !p.besideCPO() {
		return nil
	}
	c, marker := p.Cluster, cpo.RestoreConfigMapName(p.Cluster.Name)
	exists, err := c.Finder.HasConfigMap(ctx, c.Namespace, marker)
	switch {
	case apierrors.IsForbidden(err):
		return attempt.Retry("cannot see whether CPO restores the cluster: the run may not ask for ConfigMap %s/%s by a dry run, %s: %v", c.Namespace, marker, alongside, err)
	case err != nil:
		return fmt.Errorf("cannot see whether CPO restores the cluster: cannot ask for ConfigMap %s/%s: %w", c.Namespace, marker, err)
	case exists:
		return attempt.Held("postgresql %s/%s is being restored, no backup is made: there is CPO's ConfigMap %s; the schedules continue by themselves when CPO has deleted it", c.Namespace, c.Name, marker)
	}
	return nil
}

// checkVolumeOfCPO refuses a repo that CPO does not put where the resource says.
// Nothing of CPO's reports either mistake.
func (p *precheck) checkVolumeOfCPO(context.Context) error {
	if !p.besideCPO() || !p.target.OnRepoHost() {
		return nil
	}
	index := slices.IndexFunc(p.postgresql.PgBackRest.Repos, func(r cpo.Repo) bool { return r.Name == p.Repo })
	if index+1 != p.target.Repo {
		return attempt.Stop("CPO numbers the repos of storage pvc by their position in spec.backup.pgbackrest.repos, so that %s is repo%d there: give it the number of its position", p.Repo, index+1)
	}
	option := pgbackrest.RepoOption(p.target.Repo, "path")
	volume := path.Join(cpo.RepoDir, p.Repo)
	if dir, set := p.postgresql.PgBackRest.Global[option]; set && !strings.HasPrefix(path.Clean(dir)+"/", volume+"/") {
		return attempt.Stop("spec.backup.pgbackrest.global sets %s to a directory outside of the volume, %s, and CPO's repo host would write there, into the file system of its container: remove it", option, volume)
	}
	return nil
}

// certificateTime bounds the look at a certificate.
const certificateTime = 5 * time.Second

// checkCertificate sees when the certificate of CPO's repo host expires. CPO makes it
// for a year and never again. A network that is closed to the run keeps no backup from
// being made.
func (p *precheck) checkCertificate(ctx context.Context) error {
	if !p.besideCPO() || !p.onRepoHost() {
		return nil
	}
	pod, err := p.Cluster.FindPod(ctx, p.target.Host)
	if err != nil {
		return err
	}
	ctx, cancel := p.Clock.Within(ctx, certificateTime, attempt.ErrNoAnswer)
	defer cancel()
	end, err := p.Cluster.Servers.CertificateEnd(ctx, net.JoinHostPort(pod.Status.PodIP, cpo.ServerPort))
	if err != nil {
		p.Logf("cannot see when the certificate of %s expires: %v", p.host, err)
		return nil
	}
	p.certificateEnd = &end
	if left := end.Sub(p.Clock.Now()); left <= 0 {
		return attempt.Stop("the certificate of %s expired on %s, and CPO does not renew it: delete Secret %s/%s while CPO runs, and when CPO has made it again, restart the pods of the cluster and its repo host",
			p.host, end.UTC().Format(time.DateOnly), p.Cluster.Namespace, cpo.CertSecretName(p.Cluster.Name))
	}
	return nil
}
