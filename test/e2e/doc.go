// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e has the stories that only a real cluster can prove: a real kubelet, Argo,
// PostgreSQL, pgBackRest and object store. A story passes if a restore gives the same
// data; an exit code is not enough.
//
//	story_test.go    the table of stories; a file each for the stories themselves
//	stories_test.go  TestStories, the entry point: internal/play plays what ladder chooses
//	faults_test.go   TestFaults, the other one: internal/fault breaks one thing after the other
//	internal         what the stories use: a kit for a namespace, waiting, programs
//
// The tests need the build tag cluster, KUBECONFIG and IMAGE; `make test-cluster` sets
// them up. What they use has no tag: `make unit` compiles it.
package e2e
