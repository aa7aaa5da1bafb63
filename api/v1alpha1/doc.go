// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the API of Stanzaflow: the kind Stanza, which stands
// beside a postgresql resource of the same name and namespace. Its spec holds
// the settings that the postgresql resource has no room for, its status
// everything that we know about the backups of that cluster.
//
// +kubebuilder:object:generate=true
// +groupName=stanzaflow.dev
package v1alpha1
