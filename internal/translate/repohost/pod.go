// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package repohost

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// resources returns the resources that the postgresql resource asks for, and CPO's
// defaults for the others. CPU has no limit by default: a backup compresses, and a
// limit would make it longer even on an idle node. A default yields to what the
// user has set: no request is above its limit.
func resources(asked corev1.ResourceRequirements) corev1.ResourceRequirements {
	requests, limits := corev1.ResourceList{}, corev1.ResourceList{}
	for name, defaults := range map[corev1.ResourceName]struct{ request, limit string }{
		corev1.ResourceCPU:    {request: "100m"},
		corev1.ResourceMemory: {request: "100Mi", limit: "500Mi"},
	} {
		request, hasRequest := asked.Requests[name]
		limit, hasLimit := asked.Limits[name]
		if !hasLimit && defaults.limit != "" {
			limit, hasLimit = resource.MustParse(defaults.limit), true
			if hasRequest && request.Cmp(limit) > 0 {
				limit = request
			}
		}
		if !hasRequest {
			request = resource.MustParse(defaults.request)
			if hasLimit && request.Cmp(limit) > 0 {
				request = limit
			}
		}
		requests[name] = request.DeepCopy()
		if hasLimit {
			limits[name] = limit.DeepCopy()
		}
	}
	return corev1.ResourceRequirements{Requests: requests, Limits: limits}
}

// podSecurity and containerSecurity meet the restricted Pod Security Standard. The
// group owns the volumes. Changing the owner of every file of a large repo at each
// start would take too long.
func podSecurity() *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot:        new(true),
		RunAsUser:           new(int64(cpo.PostgresUID)),
		RunAsGroup:          new(int64(cpo.PostgresUID)),
		FSGroup:             new(int64(cpo.PostgresUID)),
		FSGroupChangePolicy: new(corev1.FSGroupChangeOnRootMismatch),
		SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

func containerSecurity() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		ReadOnlyRootFilesystem:   new(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}
