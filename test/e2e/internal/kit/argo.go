// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"time"
)

// AskArgo sends a request to the Argo Server of the local cluster, as its UI does, and
// returns the answer. The path is that behind /api/v1/.
func (k *Kit) AskArgo(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	const server = "/api/v1/namespaces/argo/services/argo-server:2746/proxy/api/v1/"
	return k.Core.CoreV1().RESTClient().Verb(method).AbsPath(server+path).Timeout(time.Minute).
		SetHeader("Content-Type", "application/json").Body(body).DoRaw(ctx)
}
