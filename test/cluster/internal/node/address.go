// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package node

// Names and addresses of the node. They are fixed: there is one node per machine, and
// certificates and volumes that contain them must still be right after a restart.
const (
	Name = "node1"

	netns    = "stanzaflow"
	hostLink = "stanzaflow0"

	hostIP    = "10.201.0.1"
	IP        = "10.201.0.2"
	linkBits  = "/30"
	podCIDR   = "10.244.0.0/16"
	svcCIDR   = "10.96.0.0/16"
	serviceIP = "10.96.0.1"  // kubernetes.default
	DNSIP     = "10.96.0.10" // kube-dns

	// ServerURL is the API server, as reached from the host and from pods.
	ServerURL = "https://" + IP + ":6443"

	// Provisioner is the name of the volume-provisioner in a storage class. It is
	// the one of components/kubernetes/internal/provisioner, which is another module
	// and cannot be imported.
	Provisioner = "stanzaflow.local/directory"

	// cgroup is the parent of all pods' cgroups. By our own name we recognise their
	// processes when every daemon that knew them is gone.
	cgroup = "stanzaflow"

	// cniNetwork is the name in our CNI configuration; CNI's own cache files start with it.
	cniNetwork = "stanzaflow"
)
