// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e tells the stories that only a real cluster can prove: a real
// kubelet, Argo, PostgreSQL, pgBackRest and object store. The pass criterion is
// a restore whose data are the same, never an exit code.
//
// The tests need the build tag cluster, KUBECONFIG and IMAGE; `make
// test-cluster` sets them up.
package e2e
