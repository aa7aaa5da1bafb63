// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
)

// quiet reports an error that says only that somebody was faster, or that the
// namespace is going away. It is not shown; the next pass decides on what is
// there then.
func quiet(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) ||
		apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
}

// notServed reports an error that ends when somebody installs Argo. Writing an
// object of a kind that has gone gives NotFound, as nothing else does: what we
// delete may be gone, and is no failure.
func notServed(err error) bool {
	return meta.IsNoMatchError(err) || apierrors.IsNotFound(err)
}

// plain is the text of an error for a status. What the API server says is
// stable; what the network says holds ports and addresses that change with
// each attempt.
func plain(err error) string {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) && status.Status().Message != "" {
		return status.Status().Message
	}
	return "the API server did not answer"
}
