// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package provision makes the pgBackRest configuration of a cluster exist:
// ConfigMaps, Services, volume claims, the repo host, Secrets and certificates.
// It is constructed only where the operator owns that configuration.
//
//	Observe ─▶ Diff, KeepUnplanned ─▶ []object.Action ─▶ object.Apply ─▶ Acts
//	(reads)    (pure)                                                   (writes)
//
// It promises:
//   - A configuration that has a Problem stays unchanged.
//   - A certificate is renewed in time for as long as a repo host uses it, even
//     after the postgresql is gone.
//   - Where CPO manages the cluster, nothing is made that does not exist, and only
//     certificates of ours are renewed.
//
// It refuses:
//   - to delete anything: PostgreSQL keeps running and archives by it and to it;
//   - to change a claim, except to make it larger;
//   - to read a Secret outside the operator's own namespace;
//   - to put the content of a Secret into an error.
package provision
