// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package apiservertest starts a real kube-apiserver and etcd, for the tests with
// the build tag apiserver.
//
// It creates the CRDs and nothing else: what else deploy and workflows install is
// for the tests to create.
package apiservertest
