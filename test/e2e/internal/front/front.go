// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

// Package front breaks the object store of a namespace for pgBackRest: it gives orders
// to the front of the store (test/cluster/components/store-front), which is in the
// manifests testdata/fault/s3.
package front

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stanzaflow/stanzaflow/test/e2e/internal/kit"
)

// Order is what the front must do with the requests of pgBackRest.
type Order struct {
	Kind  string `json:"kind"`
	Code  int    `json:"code,omitempty"`
	Every int    `json:"every,omitempty"`
	Rate  int    `json:"rate,omitempty"`
	Delay string `json:"delay,omitempty"`
}

// Pass lets every request through.
var Pass = Order{Kind: "pass"}

// Answer is the order to answer every n-th request with a code.
func Answer(code, every int) Order { return Order{Kind: "status", Code: code, Every: every} }

// timeout of a request to the front itself.
const timeout = 10 * time.Second

// Give gives the front an order.
func Give(ctx context.Context, k *kit.Kit, order Order) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	return k.Core.CoreV1().RESTClient().Put().AbsPath(path(k)).Timeout(timeout).Body(body).Do(ctx).Error()
}

// CountHits returns how many requests the front has broken since its last order. It is 0
// if the front does not answer.
func CountHits(ctx context.Context, k *kit.Kit) int {
	var tally struct {
		Hits int `json:"hits"`
	}
	out, err := k.Core.CoreV1().RESTClient().Get().AbsPath(path(k)).Timeout(timeout).DoRaw(ctx)
	if err != nil || json.Unmarshal(out, &tally) != nil {
		return 0
	}
	return tally.Hits
}

func path(k *kit.Kit) string {
	return "/api/v1/namespaces/" + k.Namespace + "/services/versitygw:8081/proxy/fault"
}
