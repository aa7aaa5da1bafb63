// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
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
		return attempt.Stop("cannot see whether CPO restores the cluster: the run may not ask for ConfigMap %s/%s by a dry run, %s: %v", c.Namespace, marker, alongside, err)
	case err != nil:
		return fmt.Errorf("cannot see whether CPO restores the cluster: cannot ask for ConfigMap %s/%s: %w", c.Namespace, marker, err)
	case exists:
		return attempt.Held("postgresql %s/%s is being restored, no backup is made: there is CPO's ConfigMap %s; the schedules continue by themselves when CPO has deleted it", c.Namespace, c.Name, marker)
	}
	return nil
}
