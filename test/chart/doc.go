// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package chart compares the Helm chart with what kustomize renders from the same
// files. It is a separate module, so that no other one depends on Helm.
package chart
