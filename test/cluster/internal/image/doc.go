// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package image builds the cluster's container images without a registry and
// without a container engine.
//
// table.go lists the images, one per row, from static programs, Debian packages, npm
// packages, or several of these. An image becomes one tarball that is both an OCI
// layout and a docker archive, so that containerd, docker and podman can read it. The
// same input gives the same bytes: files are sorted, times are zero.
package image
