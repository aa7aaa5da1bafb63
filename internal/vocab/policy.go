// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package vocab

import "slices"

// policies are the names of our admission policies, by who owns the configuration:
// those of deploy/modes. The empty key has those of deploy/base, which limit what
// the operator and the runs do in both modes.
var policies = map[Provisioner][]string{
	"": {
		"stanzaflow-connect",
		"stanzaflow-cronworkflows",
		"stanzaflow-drill-config",
		"stanzaflow-drill-pods",
		"stanzaflow-exec",
		"stanzaflow-objects",
		"stanzaflow-submitter",
		"stanzaflow-workflows",
	},
	ProvisionedByUs: {
		"stanzaflow-certificates",
		"stanzaflow-claims",
		"stanzaflow-secrets",
		"stanzaflow-services",
		"stanzaflow-statefulsets",
	},
	ProvisionedByCPO: {
		"stanzaflow-configmaps",
		"stanzaflow-cronjobs",
		"stanzaflow-restore-marker",
	},
}

// Policies are the names of the admission policies that limit the operator and the
// runs, sorted. Each has a binding of the same name. What the operator never writes
// needs no policy, so they depend on who owns the configuration.
func Policies(by Provisioner) []string {
	return slices.Sorted(slices.Values(slices.Concat(policies[""], policies[by])))
}
