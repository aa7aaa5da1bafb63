// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package precheck

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/attempt"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// checkDeclared compares the settings from which the operator made the
// configuration with those of the postgresql. They differ until it has seen a
// change.
func (p *precheck) checkDeclared(context.Context) error {
	declared := p.stanza.Status.Configuration
	if declared != nil && declared.Source == p.backupDigest {
		return nil
	}
	if p.besideCPO() {
		return attempt.Retry("the operator has not yet seen the current spec.backup of postgresql %s/%s: if it stays so, look at the Stanza and at the log of the operator",
			p.Cluster.Namespace, p.Cluster.Name)
	}
	return attempt.Retry("the operator has not yet written the configuration for the current spec.backup of postgresql %s/%s: if it stays so, look at the Stanza and at the log of the operator",
		p.Cluster.Namespace, p.Cluster.Name)
}

// checkFiles compares the files in the pods with what they should be.
func (p *precheck) checkFiles(ctx context.Context) error {
	if p.besideCPO() {
		return p.checkPlaces(ctx)
	}
	return p.checkDigests(ctx)
}

// checkDigests compares the files in the pods with what the operator declared. It
// declares none while it keeps an older configuration; then only the presence of
// the files is checked.
func (p *precheck) checkDigests(ctx context.Context) error {
	declared := p.stanza.Status.Configuration
	err := p.checkDigest(ctx, p.primary, cpo.ConfigMapName(p.Cluster.Name), declared.Primary)
	if err != nil || !p.onRepoHost() {
		return err
	}
	return p.checkDigest(ctx, p.host, cpo.RepoHostConfigMapName(p.Cluster.Name), declared.RepoHost)
}

// checkDigest compares one file. Kubernetes projects a changed ConfigMap a minute
// or two late, and until then pgBackRest would use other repos than the resource
// says. Without the file it would back up to a directory of the container.
func (p *precheck) checkDigest(ctx context.Context, at remote.Place, configMap, want string) error {
	file := path.Join(cpo.ConfigDir, cpo.ConfigFileName)
	out, err := p.Cluster.Capture(ctx, at, pgbackrest.ConfigDigestCommand(file))
	switch code, ended := remote.ExitCode(err); {
	case !ended:
		return fmt.Errorf("cannot read %s in %s: %w", file, at, err)
	case code == 1 && strings.Contains(out.Complaint(), "No such file"):
		return attempt.Retry("there is no %s in %s: mount the ConfigMap %s there; a new one needs a minute to arrive", file, at, configMap)
	case code != 0:
		return attempt.Retry("cannot read %s in %s, where the ConfigMap %s should be: sha256sum exit code %d: %s", file, at, configMap, code, out.Complaint())
	}
	have, err := pgbackrest.ParseDigest(out.Stdout.Bytes())
	if err != nil {
		return fmt.Errorf("in %s: %w", at, err)
	}
	if want != "" && have != want {
		return attempt.Retry("%s in %s is not yet what the operator has written for the postgresql resource: Kubernetes projects a changed ConfigMap within about a minute; if it stays so, look at the ConfigMap %s and at the Stanza",
			file, at, configMap)
	}
	return nil
}

func (p *precheck) checkPrimaryOptions(ctx context.Context) (err error) {
	if p.primaryOptions, err = p.readOptionNames(ctx, p.primary); err != nil {
		return err
	}
	return p.checkOptions(p.primary, p.primaryOptions, !p.onRepoHost())
}

func (p *precheck) checkHostOptions(ctx context.Context) (err error) {
	if !p.onRepoHost() {
		p.hostOptions = p.primaryOptions
		return nil
	}
	if p.hostOptions, err = p.readOptionNames(ctx, p.host); err != nil {
		return err
	}
	return p.checkOptions(p.host, p.hostOptions, true)
}

// readOptionNames lists the options of repos in the files of a container, without
// their values: some are credentials.
func (p *precheck) readOptionNames(ctx context.Context, at remote.Place) ([]pgbackrest.FileOption, error) {
	out, err := p.Cluster.Capture(ctx, at, pgbackrest.OptionNamesCommand(cpo.ConfigDir))
	switch code, ended := remote.ExitCode(err); {
	case !ended:
		return nil, fmt.Errorf("cannot read %s in %s: %w", cpo.ConfigDir, at, err)
	case code == 1:
		return nil, nil
	case code != 0:
		// A file is gone while it is read: the volume has just changed.
		return nil, attempt.Retry("cannot read %s in %s: grep exit code %d: %s", cpo.ConfigDir, at, code, out.Complaint())
	}
	options, err := pgbackrest.ParseOptionNames(out.Stdout.Bytes(), cpo.ConfigDir)
	if err != nil {
		return nil, fmt.Errorf("in %s: %w", at, err)
	}
	return options, nil
}
