// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package step is what the pods of a run do: the steps of the WorkflowTemplate
// pgbackrest-backup.
//
//	begin ─▶ precheck ─▶ backup ─▶ expire ─▶ verify
//
// The steps share a directory, the workspace. begin puts a report there that
// says Unknown; every step adds what it learned; only verify writes Succeeded,
// after it has seen the backup in pgbackrest info, the chain it needs and each
// of its WAL segments in the archive. Argo publishes the report whatever became
// of the pod, so a run that was killed has proven nothing and says so.
//
// A step works by observation. It can be stopped anywhere and started again:
// it looks first whether its work is done or under way, and never takes the end
// of a command's stream for the end of the command.
package step
