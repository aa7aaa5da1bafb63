// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// modeHelp is the text of every flag --mode.
const modeHelp = vocab.ModeStandalone + ": the operator writes the pgBackRest configuration, without CPO; " +
	vocab.ModeAlongside + ": CPO writes it, and the operator makes the backups instead of its CronJobs"

// provisionerOf reads a flag --mode: who owns the pgBackRest configuration of the
// clusters. Nothing else decides that.
func provisionerOf(mode string) (vocab.Provisioner, error) {
	switch mode {
	case vocab.ModeStandalone:
		return vocab.ProvisionedByUs, nil
	case vocab.ModeAlongside:
		return vocab.ProvisionedByCPO, nil
	}
	return "", fmt.Errorf("--mode: %q is no mode; write --mode=%s where no CPO manages the clusters, or --mode=%s beside a running CPO", mode, vocab.ModeStandalone, vocab.ModeAlongside)
}

// checkOperatorConfiguration refuses a flag --operator-configuration that names
// nothing, or that would do nothing.
func checkOperatorConfiguration(flag string, provisioner vocab.Provisioner) error {
	if flag == "" {
		return nil
	}
	if provisioner != vocab.ProvisionedByCPO {
		return fmt.Errorf("--operator-configuration is for --mode=%s only: without CPO there is no such configuration", vocab.ModeAlongside)
	}
	namespace, name, ok := strings.Cut(flag, "/")
	if !ok || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return fmt.Errorf("--operator-configuration: %q is not NAMESPACE/NAME; kubectl get operatorconfigurations --all-namespaces shows them", flag)
	}
	return nil
}
