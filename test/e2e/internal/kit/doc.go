// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package kit is what a cluster test works with: a namespace of a real cluster with a
// PostgreSQL cluster in it. It applies manifests, runs commands in pods, submits runs
// and waits for them, reads what pgbackrest info lists, restores, and compares data.
//
// The cluster is always called "cluster". A function that takes t fails the test. Its
// Try… twin returns the error instead.
package kit
