// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package drill plans the restore drills of a cluster.
//
//	Stanza, postgresql, StatefulSet of PostgreSQL ─▶ Plan ─▶ CronWorkflow for each schedule
//	                                                     ─▶ ConfigMap: the pod that restores, the drills
//
// It promises: the pod gets what the pods of PostgreSQL have to read the repos, and nothing
// else of theirs: no claim, no label, no port. A mistake in one drill takes no other away,
// and none takes a backup away.
//
// It refuses to be root, and everything that Argo would evaluate: the ConfigMap is a
// parameter of a Workflow.
package drill
