// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package beside is a cluster of CPO with a real PostgreSQL and a real pgBackRest, and
// what a person does beside it.
//
//	CPO ──▶ test/standin ──▶ StatefulSets, ConfigMaps, Secret, Service, CronJobs
//	Objects ──▶ everything of CPO's, before and after
//	Page ──▶ the commands of a document, as written
//
// CPO is the stand-in. Only its pods are changed, to run the image of the examples: its
// configuration files, labels and paths are CPO's own. Its Jobs run a trivial command.
//
// It promises: a command of a Page runs as it stands in the document. Only the namespace
// and the image of the operator are those of the test.
package beside
