// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package fleet measures the operator with thousands of clusters. docs/scale.md has the
// results.
//
//	postgresql × N ──▶ real kube-apiserver and etcd ◀── operator, a process in a cgroup
//	                        │ its own counters              │ /proc, /metrics
//	                        └────────────▶ table ◀──────────┘
//
// The operator has the rights of overlays/standalone, and the command and the memory limit
// of deploy/base. No Argo and no kubelet run: nothing but the operator, and the load that a
// stage makes, writes to the API server. So no run and no watch ever ends, the watch is
// switched off, and the schedules are far from due: nothing becomes overdue. Only a soak has
// Argo's own controller, and a stand-in for kubelet, executor and runner.
//
// It promises:
//   - What is measured is what the operator is in a container: the same program, started
//     by the same command, killed at the same limit, and restarted as kubelet does.
//   - Requests are those that the API server has counted, without those of this program.
//   - No figure fails a benchmark, because a machine may be slow. A change that the
//     operator has lost does, and so does memory that grows in a soak.
//   - Nothing stays: an interrupt removes everything, and a run that was killed is removed
//     by the next.
package fleet
