// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package manifest gives every planned object its name, its metadata and its JSON
// form.
//
//	cluster, repo, type ─▶ names ─┐
//	cluster ─▶ labels ────────────┼─▶ typed object ─▶ Object ─▶ JSON, applied and printed
//
// All names stand in one file, so that one can see that no two of them meet, and
// that each keeps the limit that Kubernetes or Argo set for it. This package
// knows no storage, no schedule and no Problem.
package manifest
