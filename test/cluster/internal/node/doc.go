// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package node starts and stops the one node of the cluster: a network
// namespace, the daemons in it, and everything that they leave behind.
//
//	host ── stanzaflow0 ══ eth0 ── network namespace "stanzaflow"
//	10.201.0.1             10.201.0.2   etcd, API server, …, kubelet, containerd
//	                                    pods 10.244.0.0/16, services 10.96.0.0/16
//
// Stopping and recovering from a crash are the same function, Stop: it assumes
// nothing about what still runs. It ends only processes that are verifiably ours
// (pid with start time, the socket path in a shim's command line, membership in
// our cgroup) and unmounts only below our own directories.
package node
