// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package image builds the cluster's container images without a registry and
// without a container engine.
//
// What is built stands in table.go: one row per image, from static programs,
// Debian packages, npm packages, or several of these. An image becomes one
// tarball that is an OCI layout and a docker archive at once, so that containerd,
// docker and podman all read it. The same input gives the same bytes: files are
// sorted, times are zero.
package image
