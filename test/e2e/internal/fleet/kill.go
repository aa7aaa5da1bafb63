// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
)

// killSomebody kills one of those that must survive it, without a warning. What
// Kubernetes or a supervisor starts again comes back by itself.
func (f *Fleet) killSomebody(ctx context.Context) {
	victim := []string{"kill the operator", "kill CPO", "kill the API server"}[f.rng.IntN(3)]
	f.mu.Lock()
	f.counts[victim]++
	f.mu.Unlock()
	f.logf("%s %s", time.Now().UTC().Format(time.TimeOnly), victim)
	f.wg.Go(func() {
		var err error
		switch victim {
		case "kill CPO":
			f.CPO.Kill()
		case "kill the API server":
			err = program.TryLocalCluster("restart", "kube-apiserver") //nolint:contextcheck // it must run to its end
		default:
			err = f.kit.Client.DeleteAllOf(
				ctx, &corev1.Pod{}, client.InNamespace(kit.System), client.MatchingLabels{"app.kubernetes.io/name": "stanzaflow"}, client.GracePeriodSeconds(0),
			)
		}
		if err != nil {
			// The API server may be away.
			f.logf("cannot %s: %v", victim, err)
		}
	})
}
