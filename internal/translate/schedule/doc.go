// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package schedule plans the CronWorkflows of a repo.
//
//	Repo.Schedule ─▶ readExpression ─┬─▶ CronWorkflow, which starts the WorkflowTemplate
//	                                 └─▶ Problem, and the last good CronWorkflow is kept
//
// An expression is read as Argo reads it. One that Argo accepts and then never
// runs, or runs at another time than it says, is refused. This package knows no
// storage and no configuration: schedules are the same whoever provisions those.
package schedule
