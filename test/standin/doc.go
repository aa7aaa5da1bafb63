// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package standin does to Kubernetes what CPO 0.9.2 does: it makes, updates and
// deletes the objects of a postgresql, for tests of an operator that runs beside it.
//
//	postgresql ──▶ queue ──▶ create / update / sync / delete
//	                            │
//	                            ├─ Service, ConfigMaps, Secret, repo host, StatefulSet
//	                            ├─ wait until every pod has its role
//	                            ├─ CronJobs: GET, then PUT ── 409 ──▶ SyncFailed, Record
//	                            └─ restore
//
// It promises: the objects equal those of the real CPO (internal/cpo/cpotest), apart
// from what its file says that it leaves out; the order of its writes, its field
// manager, what an update keeps and what it wipes are CPO's; each conflict that it
// meets is in its Record with the field manager that caused it.
//
// It refuses to be an operator: it runs no PostgreSQL, makes no credentials, issues no
// certificates, and reads of a postgresql only what its objects need. Pods becomes
// the kubelet and Patroni where there are none.
//
// A file has one behaviour, and its comment says which.
package standin
