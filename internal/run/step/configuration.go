// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
)

// configuration makes sure that pgBackRest goes by the resource, in the primary
// and on the host of the repo. It returns the options of repositories that the
// files of each have.
func (s *step) configuration(ctx context.Context, w wanted, primary, host remote.Place) (onPrimary, onHost []pgbackrest.FileOption, err error) {
	if err := s.checkDigest(ctx, primary, cpo.ConfigMapName(s.Cluster), w.primaryDigest); err != nil {
		return nil, nil, err
	}
	if host != primary {
		if err := s.checkDigest(ctx, host, cpo.RepoHostConfigMapName(s.Cluster), w.hostDigest); err != nil {
			return nil, nil, err
		}
	}
	if onPrimary, err = s.optionNames(ctx, primary); err == nil {
		err = checkOptions(w, primary, onPrimary, host == primary)
	}
	if err != nil || host == primary {
		return onPrimary, onPrimary, err
	}
	if onHost, err = s.optionNames(ctx, host); err == nil {
		err = checkOptions(w, host, onHost, true)
	}
	return onPrimary, onHost, err
}

// checkDigest compares the file that the operator writes with what it should be.
// Kubernetes projects a changed ConfigMap a minute or two late, and until then
// pgBackRest would use other repos than the resource says. Without the file it
// would back up to a directory of the container.
func (s *step) checkDigest(ctx context.Context, at remote.Place, configMap, want string) error {
	file := path.Join(cpo.ConfigDir, cpo.ConfigFileName)
	out, err := s.capture(ctx, at, pgbackrest.ConfigDigestCommand(file))
	switch code, ended := remote.ExitCode(err); {
	case !ended:
		return fmt.Errorf("cannot read %s in %s: %w", file, at, err)
	case code == 1 && strings.Contains(out.complaint(), "No such file"):
		return retry("there is no %s in %s: mount the ConfigMap %s there; a new one needs a minute to arrive", file, at, configMap)
	case code != 0:
		return retry("cannot read %s in %s, where the ConfigMap %s should be: sha256sum exit code %d: %s", file, at, configMap, code, out.complaint())
	}
	have, err := pgbackrest.ParseDigest(out.stdout.Bytes())
	if err != nil {
		return fmt.Errorf("in %s: %w", at, err)
	}
	if want != "" && have != want {
		return retry("%s in %s is not yet what the postgresql resource asks for: Kubernetes projects a changed ConfigMap within about a minute; if it stays so, look at the ConfigMap %s, at the Stanza, and whether the image in the WorkflowTemplate is of the operator's release",
			file, at, configMap)
	}
	return nil
}

// optionNames lists the options of repositories that the files have, and not
// their values: some are credentials.
func (s *step) optionNames(ctx context.Context, at remote.Place) ([]pgbackrest.FileOption, error) {
	out, err := s.capture(ctx, at, pgbackrest.OptionNamesCommand(cpo.ConfigDir))
	switch code, ended := remote.ExitCode(err); {
	case !ended:
		return nil, fmt.Errorf("cannot read %s in %s: %w", cpo.ConfigDir, at, err)
	case code == 1:
		return nil, nil
	case code != 0:
		// A file is gone while it is read: the volume has just changed.
		return nil, retry("cannot read %s in %s: grep exit code %d: %s", cpo.ConfigDir, at, code, out.complaint())
	}
	options, err := pgbackrest.ParseOptionNames(out.stdout.Bytes(), cpo.ConfigDir)
	if err != nil {
		return nil, fmt.Errorf("in %s: %w", at, err)
	}
	return options, nil
}
