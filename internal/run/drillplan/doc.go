// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package drillplan plans a drill: which backup is restored, to which moment, and what must
// be found there.
//
//	postgresql, Stanza ─▶ may it happen now? ─▶ primary: heartbeat, check, settings
//	                                        └─▶ repo: info, listing and histories of WAL
//	                                                    │
//	                       plan.json, report ◀── planner ┘
//
// It promises: what recovery has to reach is fixed before anything is restored, by a commit
// of just now where PostgreSQL runs; a moment that the archive lacks is refused, and the
// report says that data are missing.
//
// It refuses to write anything but the heartbeat, and to plan a drill while the cluster is
// a standby, has no pods, is being restored or upgraded, or is encrypted by PostgreSQL.
package drillplan
