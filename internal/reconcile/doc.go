// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package reconcile is the pass of the operator: it turns postgresql resources
// into the objects that run their backups, and reports the result in the Stanza.
//
//	watches ─▶ observe ─▶ translate ─▶ diff ─▶ apply ─▶ report ─▶ events
//	           (reads)    (pure)       (pure)  (writes)  (one status write)
//
// The rooms below it do the work: object knows the kinds and writes, provision
// owns the configuration, schedule the CronWorkflows, outcome reads runs, status
// reports. This package reads, puts their actions in order, and writes the status.
//
// It promises:
//   - A pass over an unchanged cluster writes nothing.
//   - One pass works on one cluster, named by the namespace and the name of its
//     postgresql, and is the only writer of the status of its Stanza. So nothing
//     has to be merged.
//   - A crash between any two writes is repaired by the next pass.
//
// It refuses:
//   - to write to a spec of the user, or to an object that is not ours;
//   - to remove a schedule because a field was not understood;
//   - to delete a CronWorkflow while one of its runs continues: Argo would kill
//     the backup. It suspends the CronWorkflow first, and deletes it when the run
//     has ended;
//   - to delete anything that serves backups: claims, the repo host, Secrets,
//     ConfigMaps. PostgreSQL keeps running and archives by them and to them.
//
// Our objects have no owner reference to the postgresql, and it gets no
// finalizer. When it is gone, the same diff with an empty Plan removes our
// objects in their order: first the CronWorkflows, drained; then the Stanza, if
// we created it, no user has written in it, and no claim is left for it to list.
// Everything else stays, its certificates are renewed, and a cluster that comes
// back adopts it. After a restart, the first list of the watches finds what was
// left behind.
package reconcile
