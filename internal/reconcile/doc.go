// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package schedule is all I/O of the operator: it turns postgresql resources
// into the objects that run their backups, and reports in the Stanza what
// became of them.
//
//	watches ─▶ observe ─▶ translate ─▶ diff ─▶ apply ─▶ report ─▶ events
//	           (reads)    (pure)       (pure)  (writes)  (one status write)
//
// The key of everything is the namespace and the name of the postgresql. One
// reconcile does one pass over that cluster and is the only writer of the
// status of its Stanza, so nothing has to be merged.
//
// What it refuses:
//   - to write to a spec of the user, or to an object that is not ours;
//   - to remove a schedule because a field was not understood;
//   - to delete a CronWorkflow while a run of it goes on: Argo would kill the
//     backup. It is suspended first and deleted when the run is over;
//   - to delete anything that serves backups: claims, the repo host, Secrets,
//     ConfigMaps. PostgreSQL, which runs on, archives by them and to them;
//   - to change of a claim anything but its size, or that to less;
//   - to read a Secret outside of its own namespace.
//
// Our objects have no owner reference to the postgresql, and it gets no
// finalizer. When it is gone, the same diff with an empty Plan takes our
// objects away in their order: CronWorkflows drained, then the Stanza if we
// made it, nobody has written in it and no claim is left that it would list. All
// else stays as it is, its certificates are renewed, and a cluster that comes
// back adopts it. The first list of the watches finds what
// was left behind while the operator was down.
package reconcile
