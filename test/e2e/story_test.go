// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"testing"
	"time"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/test/e2e/ladder"
)

// story is a row of the table, and how it is played.
type story struct {
	ladder.Story
	play func(*testing.T)
}

// everyStory is the table. A story is in make test if it is of every day; all are
// in make test-full.
func everyStory(worlds *worlds) []story {
	all := []story{
		{play: testDemo, Story: ladder.Story{
			Name: "demo", Lane: "demo", Everyday: true, Takes: 2 * time.Minute, Touches: []string{"hack/", "examples/quickstart/", "deploy/"},
		}},
		{play: testDemoElsewhere, Story: ladder.Story{
			Name: "demo/elsewhere", Lane: "demo", Takes: 4 * time.Minute, Touches: []string{"hack/", "examples/quickstart/", "README.md"},
		}},
		{play: testSeed, Story: ladder.Story{
			Name: "seed", Takes: 6 * time.Minute,
			Touches: []string{"internal/reconcile/", "internal/translate/", "examples/pgbackrest_with_s3/"},
		}},
		{play: testFailure, Story: ladder.Story{
			Name: "failure", Everyday: true, Takes: 4 * time.Minute,
			Touches: []string{"internal/run/step/", "internal/pgbackrest/", "internal/reconcile/outcome/"},
		}},
		{play: testWrongTargets, Story: ladder.Story{
			Name: "wrong-targets", Takes: 3 * time.Minute, Touches: []string{"internal/run/step/"},
		}},
		{play: func(t *testing.T) { testMisconfigured(t, false) }, Story: ladder.Story{
			Name: "misconfigured", Everyday: true, Takes: 4 * time.Minute, Touches: []string{"internal/run/step/", "internal/pgbackrest/"},
		}},
		{play: func(t *testing.T) { testMisconfigured(t, true) }, Story: ladder.Story{
			Name: "every-mistake", Takes: 6 * time.Minute,
			Touches: []string{"internal/run/step/", "internal/pgbackrest/", "internal/translate/", "examples/pgbackrest_with_encryption/"},
		}},
		{play: testMultiRepo, Story: ladder.Story{
			Name: "multi-repo", Takes: 5 * time.Minute,
			Touches: []string{"internal/translate/", "internal/reconcile/", "examples/pgbackrest_with_multi_repo/"},
		}},
		{play: testCertificate, Story: ladder.Story{
			Name: "certificate", Takes: 10 * time.Minute,
			Touches: []string{"internal/certificate/", "internal/translate/", "internal/reconcile/"},
		}},
		{play: testOutage, Story: ladder.Story{
			Name: "outage", Alone: true, Takes: 5 * time.Minute,
			Touches: []string{"internal/translate/schedule.go", "docs/adr/0016-missed-runs.md"},
		}},
		{play: testArgo4, Story: ladder.Story{
			Name: "argo4", Alone: true, Takes: 12 * time.Minute,
			Touches: []string{"workflows/", "internal/translate/cronworkflow.go", "internal/translate/schedule.go", "internal/reconcile/outcome/", "test/argo4/"},
		}},
		{play: testInstall, Story: ladder.Story{
			Name: "install", Alone: true, Takes: 6 * time.Minute,
			Touches: []string{"deploy/", "workflows/", "hack/dist.sh", "hack/chart.sh", "hack/tools/helm.mod"},
		}},
		{play: testUpgrade, Story: ladder.Story{
			Name: "upgrade", Alone: true, Takes: 4 * time.Minute,
			Touches: []string{"cmd/", "internal/", "api/", "deploy/", "workflows/"},
		}},
		{play: testDocumentedInstall, Story: ladder.Story{
			Name: "documented-install", Alone: true, Takes: 6 * time.Minute,
			Touches: []string{"docs/install.md", "deploy/", "workflows/", "hack/dist.sh", "examples/pgbackrest_with_pvc/", "test/walkthrough/"},
		}},
	}
	for _, s := range stores {
		touches := []string{"examples/pgbackrest_with_" + s.storage + "/", "internal/translate/" + s.storage + ".go", "internal/run/step/"}
		all = append(
			all,
			story{play: func(t *testing.T) { storeEveryDay(t, s) }, Story: ladder.Story{
				Name: "store/" + s.storage, Everyday: true, Takes: 4 * time.Minute, Touches: touches,
			}},
			story{play: func(t *testing.T) { storePrevious(t, s) }, Story: ladder.Story{
				Name: "previous/" + s.storage, Everyday: s.storage == cpo.StorageS3, Takes: 4 * time.Minute, Touches: touches,
			}},
			story{play: func(t *testing.T) { storeEveryType(t, s) }, Story: ladder.Story{
				Name: "every-type/" + s.storage, Takes: 6 * time.Minute, Touches: touches,
			}},
		)
	}
	for name := range documented {
		all = append(all, story{play: func(t *testing.T) { testDocumented(t, name) }, Story: ladder.Story{
			Name: "documented/" + name, Takes: 3 * time.Minute, Touches: []string{"examples/", "internal/translate/"},
		}})
	}
	return append(all, worlds.stories()...)
}
