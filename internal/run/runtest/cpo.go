// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package runtest

import (
	"strings"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// BesideCPO has CPO write the configuration. Its files are those that a real CPO
// writes, as far as a step reads them; the samples of cpotest are the real ones.
func (w *World) BesideCPO() {
	w.T.Helper()
	w.beside = true
	w.Project()
}

// WithoutCPO has the operator write the configuration again.
func (w *World) WithoutCPO() {
	w.T.Helper()
	w.beside = false
	w.Project()
}

// projectCPO brings CPO's configuration into the pods. The operator declares none.
func (w *World) projectCPO() {
	w.StanzaObject.Status.Configuration = &stanzaflowv1alpha1.ConfigurationStatus{
		Provisioner: string(vocab.ProvisionedByCPO), Source: w.BackupDigest,
	}
	w.Files[cpo.ContainerPostgreSQL][cpo.ConfigFileName] = fileOfCPO(cpo.PrimaryLines(w.Cluster))
	if w.workplace() == cpo.ContainerRepoHost {
		w.Files[cpo.ContainerRepoHost][cpo.ConfigFileName] = fileOfCPO(cpo.RepoHostLines(w.Cluster))
	}
}

func fileOfCPO(lines []cpo.Line) string {
	sections := map[string]string{cpo.SectionGlobal: "log-path = /tmp\ntls-server-address=*\n", cpo.SectionStanza: "pg1-path = /x\n"}
	for _, line := range lines {
		value := line.Value
		if strings.HasSuffix(value, ".svc") {
			value += ".cluster.local"
		}
		sections[line.Section] += line.Name + " = " + value + "\n"
	}
	return "[db]\n" + sections[cpo.SectionStanza] + "\n[global]\n" + sections[cpo.SectionGlobal]
}
