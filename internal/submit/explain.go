// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// notServed reports whether the API server does not have a kind at all, in contrast to
// one object of it.
func notServed(err error) bool {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || details.Name == ""
}

func noArgo() error {
	return errors.New("this Kubernetes cluster does not have the kinds of Argo Workflows (argoproj.io): install it, docs/install.md#requirements, or check --context")
}

// explain says what could not be done with an object, and whom to ask for a right.
func explain(err error, verb, resource, kind, namespace, name string) error {
	if forbidden(err, verb) {
		return fmt.Errorf("you may not %s %s %s/%s: ask for the right %s on %s, docs/by-hand.md#rights: %w", verb, kind, namespace, name, verb, resource, err)
	}
	return fmt.Errorf("cannot %s %s %s/%s: %w", verb, kind, namespace, name, err)
}

// forbidden reports whether a right is missing. Quotas and admission policies forbid in
// other words.
func forbidden(err error, verb string) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "cannot "+verb+" resource")
}
