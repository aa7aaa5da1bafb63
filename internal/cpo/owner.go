// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

// AnnotationController on a postgresql is the CONTROLLER_ID of the operator that
// manages it. A CPO leaves a postgresql with the id of another one alone, at once
// and without a restart. Without the annotation it belongs to the CPO without an id.
const AnnotationController = "cpo.opensource.cybertec.at/controller"

// ControllerStanzaflow is the value of AnnotationController by which every CPO
// leaves a postgresql to us.
const ControllerStanzaflow = "stanzaflow"

// Plural of the kind with the configuration of CPO itself. Whoever installs CPO
// installs its CRD, and nobody else needs it.
const operatorConfigurations = "operatorconfigurations"

// Installed reports whether CPO is installed, by the resources that the API server
// serves in its group. Resources without postgresqls are the answer of an API server
// that does not yet serve every CRD: complete is false, and installed means nothing.
func Installed(resources []string) (installed, complete bool) {
	for _, resource := range resources {
		installed = installed || resource == operatorConfigurations
		complete = complete || resource == GroupVersionResource.Resource
	}
	return installed, complete
}

// Claim says whether CPO manages a postgresql, and why.
type Claim struct {
	// Managed is true if CPO makes the objects of the cluster, or did, and the
	// resource does not exempt it.
	Managed bool
	// Controller is the CONTROLLER_ID of that CPO, empty for the one without an id.
	Controller string
	// Touched: CPO has written the status.
	Touched bool
}

// ClaimOn returns what CPO claims of a postgresql. Installed says whether CPO is
// installed now. A postgresql that it has written to is its own without it, too: it
// may only be switched off.
func ClaimOn(object map[string]any, installed bool) Claim {
	status, _ := object["status"].(map[string]any)
	word, _ := status["PostgresClusterStatus"].(string)
	claim := Claim{Touched: word != ""}
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	claim.Controller, _ = annotations[AnnotationController].(string)
	if claim.Controller == ControllerStanzaflow {
		return Claim{Touched: claim.Touched}
	}
	claim.Managed = installed || claim.Touched
	if !claim.Managed {
		claim.Controller = ""
	}
	return claim
}
