// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// storeFaults hit the object store, and what is between it and pgBackRest.
var storeFaults = []trial.Fault{
	frontFault("s3-503", "the store answers 503 SlowDown", answer(503, 1)),
	frontFault("s3-500-now-and-then", "the store answers every third request with 500", answer(500, 3)),
	frontFault("s3-403", "the store answers 403 AccessDenied", answer(403, 1)),
	frontFault("s3-slow", "the store takes and gives 100 kB/s", frontOrder{Kind: "slow", Rate: 100_000}),
	frontFault("s3-late", "the store answers two seconds late", frontOrder{Kind: "delay", Delay: "2s"}),
	frontFault("s3-reset", "the store resets its connections", frontOrder{Kind: "reset"}),
	frontFault("s3-hang", "the store takes requests and does not answer", frontOrder{Kind: "hang"}),
	frontFault("s3-tls-expired", "the certificate of the store has expired", frontOrder{Kind: "expired"}),
	lasting(frontFault("s3-503-for-long", "the store answers 503 SlowDown until the run is over", answer(503, 1))),
	lasting(frontFault("s3-403-for-long", "the store answers 403 AccessDenied until the run is over", answer(403, 1))),
	{Name: "s3-away", What: "the store is killed", Store: cpo.StorageS3, Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.Hit(tr.World.DeletePods(t, tr.World.Kit.Namespace, map[string]string{"app.kubernetes.io/name": "versitygw"}), "no store")
		return nil
	}},
	{Name: "clock-skew", What: "the clock of the PostgreSQL host is an hour ahead", Store: cpo.StorageS3, Moments: trial.Anytime, Lasting: true, Inject: func(t *testing.T, tr *trial.Trial) func() {
		pod := tr.World.Primary
		fakePgBackRest(t, tr, pod, `*' backup '*|*' info '*|*' expire '*|*' check '*|*' repo-ls '*|*' verify '*) export LD_PRELOAD='/usr/$LIB/faketime/libfaketime.so.1' FAKETIME=+1h; exec /usr/bin/pgbackrest "$@"`)
		return func() { fakePgBackRest(t, tr, pod, "") }
	}},
	{Name: "credentials-rotated", What: "the key of the store is replaced", Store: cpo.StorageS3, Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		tr.World.Credentials.RotateS3(t)
		return nil
	}},
}

// frontOrder is what the front of the store must do.
type frontOrder struct {
	Kind  string `json:"kind"`
	Code  int    `json:"code,omitempty"`
	Every int    `json:"every,omitempty"`
	Rate  int    `json:"rate,omitempty"`
	Delay string `json:"delay,omitempty"`
}

// answer is the order to answer every n-th request with a code.
func answer(code, every int) frontOrder { return frontOrder{Kind: "status", Code: code, Every: every} }

func frontFault(name, what string, order frontOrder) trial.Fault {
	return trial.Fault{Name: name, What: what, Store: cpo.StorageS3, Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		orderFront(t, tr, order)
		return func() {
			tr.UntilHit(t, "no request to the store", func() int { return countFrontHits(t, tr) })
			orderFront(t, tr, frontOrder{Kind: "pass"})
		}
	}}
}

// lasting makes a fault last until the run is over.
func lasting(f trial.Fault) trial.Fault {
	f.Lasting = true
	return f
}

// countFrontHits returns how many requests the front has broken.
func countFrontHits(t *testing.T, tr *trial.Trial) int {
	t.Helper()
	var tally struct {
		Hits int `json:"hits"`
	}
	out, err := tr.World.Kit.Core.CoreV1().RESTClient().Get().AbsPath(frontPath(tr)).Timeout(10 * time.Second).DoRaw(t.Context())
	if err != nil || json.Unmarshal(out, &tally) != nil {
		return 0
	}
	return tally.Hits
}

// orderFront changes what the front does.
func orderFront(t *testing.T, tr *trial.Trial, order frontOrder) {
	t.Helper()
	body, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	wait.Retry(t, "the front of the store has its order", func() error {
		return tr.World.Kit.Core.CoreV1().RESTClient().Put().AbsPath(frontPath(tr)).Timeout(10 * time.Second).Body(body).Do(t.Context()).Error()
	})
}

func frontPath(tr *trial.Trial) string {
	return "/api/v1/namespaces/" + tr.World.Kit.Namespace + "/services/versitygw:8081/proxy/fault"
}
