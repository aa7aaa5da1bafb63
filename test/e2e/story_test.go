// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/play"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

// everyStory is the table of stories, without faults. make test plays those of every
// day, make test-full plays all.
func everyStory() []play.Story {
	all := []play.Story{
		{Play: testDemo, Story: ladder.Story{
			Name: "demo", Lane: "demo", Everyday: true, Takes: 2 * time.Minute, Touches: []string{"hack/", "examples/quickstart/", "deploy/"},
		}},
		{Play: testDemoElsewhere, Story: ladder.Story{
			Name: "demo/elsewhere", Lane: "demo", Takes: 4 * time.Minute, Touches: []string{"hack/", "examples/quickstart/", "README.md"},
		}},
		{Play: testSeed, Story: ladder.Story{
			Name: "seed", Takes: 6 * time.Minute,
			Touches: []string{"internal/reconcile/", "internal/translate/", "examples/pgbackrest_with_s3/"},
		}},
		{Play: testFirstBackup, Story: ladder.Story{
			Name: "events/first", Everyday: true, Takes: 4 * time.Minute,
			Touches: []string{"internal/reconcile/", "internal/run/", "workflows/"},
		}},
		{Play: testPredeploy, Story: ladder.Story{
			Name: "events/predeploy", Everyday: true, Takes: 7 * time.Minute,
			Touches: []string{"internal/run/", "internal/pgbackrest/", "workflows/"},
		}},
		{Play: testTriggers, Story: ladder.Story{
			Name: "events/triggers", Everyday: true, Takes: 5 * time.Minute,
			Touches: []string{"internal/reconcile/", "internal/translate/"},
		}},
		{Play: testMajorUpgrade, Story: ladder.Story{
			Name: "events/major-upgrade", Everyday: true, Takes: 3 * time.Minute,
			Touches: []string{"internal/reconcile/", "internal/run/"},
		}},
		{Play: testFailure, Story: ladder.Story{
			Name: "failure", Everyday: true, Takes: 4 * time.Minute,
			Touches: []string{"internal/run/", "internal/pgbackrest/", "internal/reconcile/outcome/"},
		}},
		{Play: testArgoRetry, Story: ladder.Story{
			Name: "argo-retry", Everyday: true, Takes: 4 * time.Minute,
			Touches: []string{"workflows/", "internal/run/", "internal/reconcile/outcome/"},
		}},
		{Play: testArgoUI, Story: ladder.Story{
			Name: "argo-ui", Alone: true, Takes: 7 * time.Minute,
			Touches: []string{"docs/argo-ui.md", "deploy/argo/", "internal/reconcile/outcome/", "internal/run/", "workflows/"},
		}},
		{Play: testGitOps, Story: ladder.Story{
			Name: "gitops", Takes: 7 * time.Minute,
			Touches: []string{"docs/gitops.md", "workflows/", "internal/contract/", "internal/reconcile/"},
		}},
		{Play: testWrongTargets, Story: ladder.Story{
			Name: "wrong-targets", Takes: 3 * time.Minute, Touches: []string{"internal/run/"},
		}},
		{Play: testLostTasks, Story: ladder.Story{
			Name: "lost-tasks", Takes: 9 * time.Minute, Touches: []string{"internal/run/", "workflows/"},
		}},
		{Play: func(t *testing.T) { testMisconfigured(t, false) }, Story: ladder.Story{
			Name: "misconfigured", Everyday: true, Takes: 5 * time.Minute, Touches: []string{"internal/run/", "internal/pgbackrest/"},
		}},
		{Play: func(t *testing.T) { testMisconfigured(t, true) }, Story: ladder.Story{
			Name: "every-mistake", Takes: 6 * time.Minute,
			Touches: []string{"internal/run/", "internal/pgbackrest/", "internal/translate/", "examples/pgbackrest_with_encryption/"},
		}},
		{Play: testMultiRepo, Story: ladder.Story{
			Name: "multi-repo", Takes: 5 * time.Minute,
			Touches: []string{"internal/translate/", "internal/reconcile/", "examples/pgbackrest_with_multi_repo/"},
		}},
		{Play: testCertificate, Story: ladder.Story{
			Name: "certificate", Takes: 10 * time.Minute,
			Touches: []string{"internal/certificate/", "internal/translate/", "internal/reconcile/"},
		}},
		{Play: testOutage, Story: ladder.Story{
			Name: "outage", Alone: true, Takes: 5 * time.Minute,
			Touches: []string{"internal/translate/schedule/", "docs/adr/0016-missed-runs.md"},
		}},
		{Play: testStoreOutage, Story: ladder.Story{
			Name: "store-outage", Takes: 20 * time.Minute,
			Touches: []string{"internal/reconcile/trigger/", "internal/reconcile/schedule/", "docs/adr/0052-overdue-backups.md"},
		}},
		{Play: testSuspend, Story: ladder.Story{
			Name: "suspend", Takes: 6 * time.Minute,
			Touches: []string{"internal/translate/schedule/", "docs/adr/0016-missed-runs.md"},
		}},
		{Play: testCaps, Story: ladder.Story{
			Name: "caps", Takes: 6 * time.Minute,
			Touches: []string{"workflows/", "internal/contract/", "internal/reconcile/waitlist/", "internal/reconcile/outcome/", "docs/fleet.md"},
		}},
		{Play: testSlotTwice, Story: ladder.Story{
			Name: "slot-twice", Alone: true, Takes: 3 * time.Minute,
			Touches: []string{"internal/translate/schedule/", "internal/run/", "workflows/"},
		}},
		{Play: func(t *testing.T) { testAlongside(t, "alongside", fewClusters) }, Story: ladder.Story{
			Name: "alongside", Everyday: true, Alone: true, Takes: 4 * time.Minute,
			Touches: []string{"internal/reconcile/alongside/", "internal/cpo/", "deploy/modes/alongside/", "test/standin/"},
		}},
		{Play: func(t *testing.T) { testAlongside(t, "alongside-fleet", manyClusters) }, Story: ladder.Story{
			Name: "alongside/fleet", Alone: true, Takes: 15 * time.Minute,
			Touches: []string{"internal/reconcile/alongside/", "internal/cpo/", "deploy/modes/alongside/", "test/standin/"},
		}},
		{Play: func(t *testing.T) { testBesideCPO(t, withBucket) }, Story: ladder.Story{
			Name: "beside/s3", Everyday: true, Alone: true, Takes: 8 * time.Minute,
			Touches: []string{"internal/reconcile/alongside/", "internal/cpo/", "internal/run/", "deploy/", "test/standin/", "docs/cpo.md"},
		}},
		{Play: func(t *testing.T) { testBesideCPO(t, withVolume) }, Story: ladder.Story{
			Name: "beside/pvc", Alone: true, Takes: 8 * time.Minute,
			Touches: []string{"internal/reconcile/alongside/", "internal/cpo/", "internal/run/", "deploy/", "test/standin/", "docs/cpo.md"},
		}},
		{Play: func(t *testing.T) { testBesideStandalone(t, withBucket) }, Story: ladder.Story{
			Name: "beside/standalone-s3", Alone: true, Takes: 8 * time.Minute,
			Touches: []string{"internal/reconcile/", "internal/translate/", "internal/cpo/", "deploy/", "test/standin/", "docs/cpo.md"},
		}},
		{Play: func(t *testing.T) { testBesideStandalone(t, withVolume) }, Story: ladder.Story{
			Name: "beside/standalone-pvc", Alone: true, Takes: 8 * time.Minute,
			Touches: []string{"internal/reconcile/", "internal/translate/", "internal/cpo/", "deploy/", "test/standin/", "docs/cpo.md"},
		}},
		{Play: testWays, Story: ladder.Story{
			Name: "predeploy/ways", Takes: 5 * time.Minute,
			Touches: []string{"docs/pre-deploy.md", "examples/pre-deploy/", "workflows/", "internal/submit/", "deploy/base/policy/", "test/argocd/", "test/argoevents/"},
		}},
		{Play: testWatch, Story: ladder.Story{
			Name: "watch", Everyday: true, Takes: 6 * time.Minute,
			Touches: []string{"internal/run/watch/", "internal/run/remote/", "workflows/", "docs/watch.md"},
		}},
		{Play: testWatchFleet, Story: ladder.Story{
			Name: "watch/fleet", Alone: true, Takes: 8 * time.Minute,
			Touches: []string{"internal/run/watch/", "internal/run/remote/", "workflows/", "docs/watch.md"},
		}},
		{Play: testDrill, Story: ladder.Story{
			Name: "drill", Everyday: true, Takes: 6 * time.Minute,
			Touches: []string{"internal/drill/", "internal/run/drill/", "internal/run/drillplan/", "internal/translate/drill/", "internal/pgbackrest/restoreplan/", "workflows/"},
		}},
		{Play: testDrillMoments, Story: ladder.Story{
			Name: "drill/moments", Takes: 15 * time.Minute,
			Touches: []string{"internal/run/drill/", "internal/run/drillplan/", "internal/pgbackrest/restoreplan/", "internal/restore/"},
		}},
		{Play: testDrillMomentsElsewhere, Story: ladder.Story{
			Name: "drill/elsewhere", Takes: 8 * time.Minute,
			Touches: []string{"internal/run/drill/", "internal/run/drillplan/", "internal/pgbackrest/restoreplan/", "internal/restore/"},
		}},
		{Play: testDrillTampered, Story: ladder.Story{
			Name: "drill/tampered", Takes: 20 * time.Minute,
			Touches: []string{"internal/run/drill/", "internal/run/drillplan/", "internal/pgbackrest/restoreplan/"},
		}},
		{Play: testDrillHarmless, Story: ladder.Story{
			Name: "drill/harmless", Takes: 6 * time.Minute,
			Touches: []string{"internal/run/drill/", "internal/translate/drill/", "workflows/"},
		}},
		{Play: testRepoHostEvicted, Story: ladder.Story{
			Name: "repo-host-evicted", Takes: 3 * time.Minute,
			Touches: []string{"internal/run/", "internal/translate/repohost/"},
		}},
		{Play: testArgo4, Story: ladder.Story{
			Name: "argo4", Alone: true, Takes: 12 * time.Minute,
			Touches: []string{"workflows/", "internal/translate/schedule/", "internal/reconcile/outcome/", "test/argo4/"},
		}},
		{Play: testInstall, Story: ladder.Story{
			Name: "install", Alone: true, Takes: 6 * time.Minute,
			Touches: []string{"deploy/", "workflows/", "hack/dist.sh", "hack/chart.sh", "hack/tools/helm.mod"},
		}},
		{Play: testUpgrade, Story: ladder.Story{
			Name: "upgrade", Alone: true, Takes: 4 * time.Minute,
			Touches: []string{"cmd/", "internal/", "api/", "deploy/", "workflows/"},
		}},
		{Play: testDocumentedInstall, Story: ladder.Story{
			Name: "documented-install", Alone: true, Takes: 6 * time.Minute,
			Touches: []string{"docs/install.md", "deploy/", "workflows/", "hack/dist.sh", "examples/pgbackrest_with_pvc/", "test/walkthrough/"},
		}},
		{Play: testDocumentedRestore, Story: ladder.Story{
			Name: "documented-restore", Takes: 6 * time.Minute,
			Touches: []string{"docs/restore.md", "internal/restore/", "internal/pgbackrest/restoreplan/", "test/walkthrough/"},
		}},
		{Play: testSituations, Story: ladder.Story{
			Name: "situations", Alone: true, Takes: 14 * time.Minute,
			Touches: []string{"docs/situations.md", "deploy/monitoring/", "internal/metrics/", "internal/reconcile/", "internal/run/"},
		}},
		{Play: testMonitoring, Story: ladder.Story{
			Name: "monitoring", Alone: true, Takes: 12 * time.Minute,
			Touches: []string{"deploy/monitoring/", "hack/dashboards/", "internal/metrics/", "internal/reconcile/status/"},
		}},
	}
	for _, s := range stores {
		touches := []string{"examples/pgbackrest_with_" + s.storage + "/", "internal/run/"}
		if s.storage == cpo.StoragePVC {
			touches = append(touches, "internal/translate/storage/volume.go", "internal/translate/repohost/")
		} else {
			touches = append(touches, "internal/translate/storage/"+s.storage+".go")
		}
		all = append(
			all,
			play.Story{Play: func(t *testing.T) { testStore(t, s) }, Story: ladder.Story{
				Name: "store/" + s.storage, Everyday: true, Takes: 4 * time.Minute, Touches: touches,
			}},
			play.Story{Play: func(t *testing.T) { testStorePrevious(t, s) }, Story: ladder.Story{
				Name: "previous/" + s.storage, Everyday: s.storage == cpo.StorageS3, Takes: 4 * time.Minute, Touches: touches,
			}},
			play.Story{Play: func(t *testing.T) { testStoreEveryType(t, s) }, Story: ladder.Story{
				Name: "every-type/" + s.storage, Takes: 6 * time.Minute, Touches: touches,
			}},
		)
	}
	for name := range documented {
		all = append(all, play.Story{Play: func(t *testing.T) { testDocumented(t, name) }, Story: ladder.Story{
			Name: "documented/" + name, Takes: 3 * time.Minute, Touches: []string{"examples/", "internal/translate/"},
		}})
	}
	return all
}
