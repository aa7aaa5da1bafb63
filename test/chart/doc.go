// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package chart holds the Helm chart against what kustomize makes of the same
// files. It is a module of its own, so that Helm is in no other one.
package chart
