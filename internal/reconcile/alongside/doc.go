// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package alongside decides who runs the schedules of a cluster that CPO manages:
// our CronWorkflow or CPO's CronJob.
//
//	CronJobs, CronWorkflows, status before ─▶ Decide ─▶ []Handover
//	[]Handover ─▶ Actions ─▶ take over, give back, hold
//	[]Handover ─▶ Hold ─▶ the CronWorkflows that must not start runs
//
// It is pure: it reads no clock and has no client.
//
// spec.suspend of CPO's CronJob says who owns the schedule, and nothing else does:
//
//	not suspended ─▶ CPO makes the backups
//	suspended     ─▶ we make them, whoever suspended it
//
// A scheduled run asks the CronJob who had its slot, and ends as held if CPO had
// it. So a crash between any two writes costs no slot and runs none twice.
//
// It promises:
//   - A CronJob is suspended only after a CronWorkflow is in force that makes its
//     backups, and between two slots.
//   - A CronJob that we suspended is given back if the CronWorkflow cannot make the
//     backups for longer than a grace period, or if the user wants that: after our
//     last run, and so that a slot that we had does not start again.
//
// It refuses:
//   - to resume a CronJob that somebody else has suspended;
//   - to suspend one that somebody else has resumed;
//   - to change a CronJob whose command it cannot read.
package alongside
