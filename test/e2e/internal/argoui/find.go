// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package argoui

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Find returns a client of the Argo server of the local cluster.
func Find(ctx context.Context, cluster client.Client) (*Client, error) {
	var server corev1.Service
	if err := cluster.Get(ctx, client.ObjectKey{Namespace: "argo", Name: "argo-server"}, &server); err != nil {
		return nil, err
	}
	return New(fmt.Sprintf("http://%s:%d", server.Spec.ClusterIP, server.Spec.Ports[0].Port)), nil
}
