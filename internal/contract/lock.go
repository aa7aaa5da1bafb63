// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
)

// mutex lets one run of a cluster at a time do what must not be done twice at once. The
// templates of a namespace share it by this name.
const mutex = "pgbackrest-{{workflow.parameters.cluster}}"

func holdsMutex(s *wfv1.Synchronization) bool {
	return s != nil && slices.ContainsFunc(s.Mutexes, func(m *wfv1.Mutex) bool {
		return m != nil && m.Namespace == "" && strings.NewReplacer("{{ ", "{{", " }}", "}}").Replace(m.Name) == mutex
	})
}

// checkLock checks that a pod runs under the mutex, once: a pod that waits for the mutex
// which a template above it holds would wait for itself.
func (c *check) checkLock(e entrypoint, v visit, p pod) {
	free := !slices.ContainsFunc(p.steps, func(name string) bool { return !slices.Contains(e.unlocked, name) })
	switch {
	case len(v.holders) > 1:
		c.find("templates %s both have mutex %s: the run would wait for itself", strings.Join(v.holders, " and "), mutex)
	case len(v.holders) == 0 && !free:
		c.find("template %s does not run under mutex %s (synchronization.mutexes): two runs of a cluster could run at once", v.template.Name, mutex)
	}
}
