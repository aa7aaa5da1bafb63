// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"encoding/json"
	"time"

	"k8s.io/client-go/rest"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// storeFaults hit the object store, and what is between it and pgBackRest.
var storeFaults = []fault{
	front("s3-503", "the store answers 503 SlowDown", frontFault{Kind: "status", Code: 503}),
	front("s3-500-now-and-then", "the store answers every third request with 500", frontFault{Kind: "status", Code: 500, Every: 3}),
	front("s3-403", "the store answers 403 AccessDenied", frontFault{Kind: "status", Code: 403}),
	front("s3-slow", "the store takes and gives 100 kB/s", frontFault{Kind: "slow", Rate: 100_000}),
	front("s3-late", "the store answers two seconds late", frontFault{Kind: "delay", Delay: "2s"}),
	front("s3-reset", "the store resets its connections", frontFault{Kind: "reset"}),
	front("s3-hang", "the store takes requests and does not answer", frontFault{Kind: "hang"}),
	front("s3-tls-expired", "the certificate of the store has expired", frontFault{Kind: "expired"}),
	untilTheEnd(front("s3-503-for-long", "the store answers 503 SlowDown until the run is over", frontFault{Kind: "status", Code: 503})),
	untilTheEnd(front("s3-403-for-long", "the store answers 403 AccessDenied until the run is over", frontFault{Kind: "status", Code: 403})),
	{name: "s3-away", what: "the store is killed", store: cpo.StorageS3, moments: anytime, inject: func(tr *trial) func() {
		tr.hit(tr.deletePods(tr.t, tr.namespace, map[string]string{"app.kubernetes.io/name": "versitygw"}, 0), "no store")
		return nil
	}},
	{name: "clock-skew", what: "the clock of the PostgreSQL host is an hour ahead", store: cpo.StorageS3, moments: anytime, lasting: true, inject: func(tr *trial) func() {
		pod := tr.primary
		tr.pretendIn(pod, `*' backup '*|*' info '*|*' expire '*|*' check '*|*' repo-ls '*|*' verify '*) export LD_PRELOAD='/usr/$LIB/faketime/libfaketime.so.1' FAKETIME=+1h; exec /usr/bin/pgbackrest "$@"`)
		return func() { tr.pretendIn(pod, "") }
	}},
	{name: "credentials-rotated", what: "the key of the store is replaced", store: cpo.StorageS3, moments: anytime, inject: func(tr *trial) func() {
		tr.rotateS3(tr.t)
		return nil
	}},
}

// frontFault is what the front of the store is told to do.
type frontFault struct {
	Kind  string `json:"kind"`
	Code  int    `json:"code,omitempty"`
	Every int    `json:"every,omitempty"`
	Rate  int    `json:"rate,omitempty"`
	Delay string `json:"delay,omitempty"`
}

func front(name, what string, f frontFault) fault {
	return fault{name: name, what: what, store: cpo.StorageS3, moments: anytime, inject: func(tr *trial) func() {
		tr.tellFront(f)
		return func() {
			tr.insistOn("no request to the store", tr.hits)
			tr.tellFront(frontFault{Kind: "pass"})
		}
	}}
}

func untilTheEnd(f fault) fault {
	f.lasting = true
	return f
}

// hits is how many requests the front has broken.
func (tr *trial) hits() int {
	var tally struct {
		Hits int `json:"hits"`
	}
	out, err := tr.front().Get().AbsPath(tr.frontPath()).Timeout(10 * time.Second).DoRaw(tr.t.Context())
	if err != nil || json.Unmarshal(out, &tally) != nil {
		return 0
	}
	return tally.Hits
}

// tellFront changes what the front does.
func (tr *trial) tellFront(f frontFault) {
	body, err := json.Marshal(f)
	if err != nil {
		tr.t.Fatal(err)
	}
	insist(tr.t, "the front of the store is told", func() error {
		return tr.front().Put().AbsPath(tr.frontPath()).Timeout(10 * time.Second).Body(body).Do(tr.t.Context()).Error()
	})
}

func (tr *trial) front() rest.Interface { return tr.core.CoreV1().RESTClient() }

func (tr *trial) frontPath() string {
	return "/api/v1/namespaces/" + tr.namespace + "/services/versitygw:8081/proxy/fault"
}
