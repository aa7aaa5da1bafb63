// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Command argocd does with our objects what Argo CD does, with the engine that Argo CD
// is built of, gitops-engine: it syncs manifests with their hooks, and says how healthy
// an object is. It runs our health script in a Lua interpreter with the libraries that
// Argo CD opens. It is not Argo CD: there are no Applications and no projects.
//
//	argocd sync NAMESPACE REVISION <manifests.yaml   exit code 1 unless all is synced
//	argocd health SCRIPTS.yaml <object.yaml          prints the status and its message
//
// This is a separate module, so that Argo CD stays out of the product's go.mod.
package main
