// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package step is what the pods of a run do: the steps of the WorkflowTemplate
// pgbackrest-backup.
//
//	backup      begin ─▶ precheck ─▶ backup ─▶ expire ─▶ verify   in the form pod
//	            precheck ─▶ backup ─▶ expire ─▶ verify             in the form dag
//	stanza      begin ─▶ precheck
//	predeploy   begin ─▶ precheck ─▶ restore-point
//	            begin ─▶ precheck ─▶ backup ─▶ expire ─▶ verify ─▶ restore-point
//
// The steps of a line share a directory, the workspace. begin puts a report there that
// says Unknown; every step adds what it learned; only the last step of a kind writes
// Succeeded. Argo publishes the report whatever becomes of the pod. In the form dag each
// step is a pod of its own: Argo puts the report of the one before into its workspace, and
// the step begins with Unknown itself.
//
// run.go is the loop of a step, task.go its begin in the form dag, conclude.go its end,
// ending.go and terminate.go the end of a run before its time, limit.go says when that is.
// outputs.go is the report for people. reuse.go looks for a backup that a pre-deploy run
// need not make. Package attempt decides how often a step tries, package remote reaches
// the cluster, and the checks of precheck are in package precheck.
//
// It promises: a step can be stopped anywhere and started again; a run that was killed
// has proven nothing and says so; a run starts one backup at most; a pre-deploy run
// succeeds only if a proven backup can be restored to its restore point.
//
// It refuses to take the end of a command's stream for the end of the command, and to
// read success from anything but the repository.
package step
