// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/fault/trial"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/front"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// storeFaults hit the object store, and what is between it and pgBackRest.
var storeFaults = []trial.Fault{
	frontFault("s3-503", "the store answers 503 SlowDown", front.Answer(503, 1)),
	frontFault("s3-500-now-and-then", "the store answers every third request with 500", front.Answer(500, 3)),
	frontFault("s3-403", "the store answers 403 AccessDenied", front.Answer(403, 1)),
	frontFault("s3-slow", "the store takes and gives 100 kB/s", front.Order{Kind: "slow", Rate: 100_000}),
	frontFault("s3-late", "the store answers two seconds late", front.Order{Kind: "delay", Delay: "2s"}),
	frontFault("s3-reset", "the store resets its connections", front.Order{Kind: "reset"}),
	frontFault("s3-hang", "the store takes requests and does not answer", front.Order{Kind: "hang"}),
	frontFault("s3-tls-expired", "the certificate of the store has expired", front.Order{Kind: "expired"}),
	lasting(frontFault("s3-503-for-long", "the store answers 503 SlowDown until the run is over", front.Answer(503, 1))),
	lasting(frontFault("s3-403-for-long", "the store answers 403 AccessDenied until the run is over", front.Answer(403, 1))),
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

func frontFault(name, what string, order front.Order) trial.Fault {
	return trial.Fault{Name: name, What: what, Store: cpo.StorageS3, Moments: trial.Anytime, Inject: func(t *testing.T, tr *trial.Trial) func() {
		orderFront(t, tr, order)
		return func() {
			tr.UntilHit(t, "no request to the store", func() int { return front.CountHits(t.Context(), tr.World.Kit) })
			orderFront(t, tr, front.Pass)
		}
	}}
}

// lasting makes a fault last until the run is over.
func lasting(f trial.Fault) trial.Fault {
	f.Lasting = true
	return f
}

// orderFront changes what the front of the store does.
func orderFront(t *testing.T, tr *trial.Trial, order front.Order) {
	t.Helper()
	wait.Retry(t, "the front of the store has its order", func() error { return front.Give(t.Context(), tr.World.Kit, order) })
}
