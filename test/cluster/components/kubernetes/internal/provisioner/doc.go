// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package provisioner gives each PersistentVolumeClaim of our storage class a
// directory on the node.
//
//	claim (selected node, our provisioner) -> directory + PersistentVolume
//	bound claim that asks for more         -> volume and claim show more
//	released volume, reclaim policy Delete -> directory and volume removed
//
// The volumes are of type "local", not "hostPath": the kubelet then applies
// fsGroup, as it does for real storage. Sizes are not enforced, so growing only
// changes the objects. It runs as a daemon on the node because it creates and
// removes directories there.
package provisioner
