// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/run/runtest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// newStanzaPod is the pod of a run that only makes the stanza.
func newStanzaPod(w *runtest.World) *pod {
	w.T.Helper()
	p := newPod(w)
	p.parameters.Kind, p.parameters.Trigger = string(vocab.RunStanza), vocab.TriggerInitial
	return p
}

func TestStanzaRun(t *testing.T) {
	for name, tc := range map[string]struct {
		world func(*runtest.World)
		want  report.Stanza
	}{
		"none there":                             {func(w *runtest.World) { w.StanzaExists = false }, report.Stanza{Created: true}},
		"missing in repo2":                       {func(w *runtest.World) { w.Others[2] = runtest.MissingStanza }, report.Stanza{Created: true}},
		"there already":                          {func(*runtest.World) {}, report.Stanza{}},
		"of PostgreSQL 16":                       {(*runtest.World).AfterUpgrade, report.Stanza{Upgraded: true}},
		"of PostgreSQL 16, and missing in repo2": {func(w *runtest.World) { w.AfterUpgrade(); w.Others[2] = runtest.MissingStanza }, report.Stanza{Created: true, Upgraded: true}},
		"the gate is false":                      {func(w *runtest.World) { w.StanzaExists, w.StanzaObject.Spec.Gate = false, "false" }, report.Stanza{Created: true}},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, nil, tc.world)
			p := newStanzaPod(w)
			p.mustRun(stepsOf[vocab.RunStanza]...)
			r := p.report()
			if r.Result != stanzaflowv1alpha1.RunSucceeded || r.Kind != vocab.RunStanza || r.Message != "" || r.Backup != nil || r.Predeploy != nil {
				t.Errorf("report %+v", r)
			}
			if diff := cmp.Diff(&tc.want, r.Stanza); diff != "" {
				t.Errorf("stanza (-want +got):\n%s", diff)
			}
			if got := names(w); got[len(got)-1] != "check" || slices.Contains(got, "backup") {
				t.Errorf("commands %v, want check at the end and no backup", got)
			}
			p.wantOutputs("false", "", "")
		})
	}
}

func TestStanzaRunFails(t *testing.T) {
	for name, tc := range map[string]struct {
		world  func(*runtest.World)
		code   int
		result stanzaflowv1alpha1.RunResult
		want   string
	}{
		"WAL does not arrive": {func(w *runtest.World) {
			w.Always("check", runtest.Fails(82, "ERROR: [082]: WAL segment 000000010000000000000002 was not archived before the 60000ms timeout"))
		}, ExitGaveUp, stanzaflowv1alpha1.RunFailed, "was not archived"},
		"the cluster is a standby": {func(w *runtest.World) { w.Cluster.Operation.Standby = true }, ExitStop, stanzaflowv1alpha1.RunHeld, "cannot be backed up now"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newStanzaPod(makeWorld(t, nil, tc.world))
			p.wantFailure(p.run(stepsOf[vocab.RunStanza]...), tc.code, "precheck", tc.result, tc.want)
			if r := p.report(); r.Stanza != nil {
				t.Errorf("the report says of the stanza %+v", r.Stanza)
			}
		})
	}
}

// TestUpgrade: after a major upgrade a run prepares the repo and makes a full backup,
// whatever was asked for. It proves it beside the backups of before.
func TestUpgrade(t *testing.T) {
	for name, other := range map[string]func(*testing.T) *runtest.World{"in the primary": runtest.New, "with a repo host": runtest.NewWithRepoHost} {
		t.Run(name, func(t *testing.T) {
			w := other(t)
			w.Prove(earlier, cpo.Full, time.Hour)
			w.AfterUpgrade()
			p := newPod(w)
			p.parameters.Type = cpo.Incr
			p.mustRun(backupSteps...)
			upgrades := w.Issued("stanza-upgrade")
			if len(upgrades) != 1 || strings.Join(upgrades[0].Argv, " ") != "pgbackrest stanza-upgrade --stanza=db --log-level-console=info --log-level-stderr=warn" {
				t.Errorf("commands stanza-upgrade %v, want one", upgrades)
			}
			if r := p.report(); r.Result != stanzaflowv1alpha1.RunSucceeded || r.Backup.Type != cpo.Full || r.Backup.BackupsInRepo != 2 {
				t.Errorf("report %+v", r)
			}
			w.Clock.Step(time.Minute)
			next := newPod(w)
			next.parameters.Type, next.parameters.Run = cpo.Incr, earlier
			w.Backups[0].Annotation = nil
			next.mustRun(backupSteps...)
			if r := next.report(); r.Backup.Type != cpo.Incr || len(w.Issued("stanza-upgrade")) != 1 {
				t.Errorf("the run after it: %d commands stanza-upgrade, report %+v", len(w.Issued("stanza-upgrade")), r)
			}
		})
	}
}

// TestUpgradeBesideCPO: its image may have done it meanwhile, and holds the lock.
func TestUpgradeBesideCPO(t *testing.T) {
	w := runtest.New(t)
	w.BesideCPO()
	w.Prove(earlier, cpo.Full, time.Hour)
	w.AfterUpgrade()
	w.On("stanza-upgrade", runtest.FailsAs(t, "lock: stanza-create during backup"))
	p := newPod(w)
	p.parameters.Trigger = vocab.TriggerManual
	p.mustRun(backupSteps...)
	if n := len(w.Issued("stanza-upgrade")); n != 2 {
		t.Errorf("%d commands stanza-upgrade, want a second one after the lock was free", n)
	}
}

func TestUpgradeRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		world    func(*runtest.World)
		upgrades int
		want     string
	}{
		"another database of the same version": {func(w *runtest.World) { w.Postgres["systemId"] = "7710999999999999999" }, 0, "[028]"},
		"an older PostgreSQL":                  {func(w *runtest.World) { w.Postgres["systemId"], w.Postgres["version"] = "7710999999999999999", 150004 }, 0, "[028]"},
		"a version that cannot be read":        {func(w *runtest.World) { w.AfterUpgrade(); w.Databases[0].Version = "next" }, 0, "[028]"},
		"a repo that refuses": {func(w *runtest.World) {
			w.AfterUpgrade()
			w.On("stanza-upgrade", runtest.Fails(41, "ERROR: [041]: unable to open file"))
		}, 1, "pgbackrest stanza-upgrade failed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := makeWorld(t, nil, tc.world)
			p := newPod(w)
			p.wantFailure(p.run(backupSteps...), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, tc.want)
			if n := len(w.Issued("stanza-upgrade")); n != tc.upgrades {
				t.Errorf("%d commands stanza-upgrade, want %d", n, tc.upgrades)
			}
		})
	}
}

// TestInitialBesideCPO: CPO's image makes the stanza and the first backup by itself.
func TestInitialBesideCPO(t *testing.T) {
	const three = 3 * time.Minute
	for name, tc := range map[string]struct {
		trigger string
		world   func(*runtest.World)
		least   time.Duration
		most    time.Duration
		creates int
	}{
		"CPO begins none": {vocab.TriggerInitial, func(*runtest.World) {}, three, three + time.Minute, 1},
		"CPO has made one": {vocab.TriggerInitial, func(w *runtest.World) {
			w.StanzaExists = true
			w.List(runtest.Backup{Type: cpo.Full, RepoKey: 1, Stop: runtest.Start})
		}, 0, 0, 0},
		"its session is in PostgreSQL":  {vocab.TriggerInitial, func(w *runtest.World) { w.StanzaExists, w.Sessions = true, 1 }, 0, 0, 0},
		"it begins after a minute":      {vocab.TriggerInitial, func(w *runtest.World) { w.AtInfo(7, func() { w.StanzaExists, w.Lock = true, true }) }, time.Minute, 2 * time.Minute, 0},
		"a run that a person starts":    {vocab.TriggerManual, func(*runtest.World) {}, 0, 0, 1},
		"where the operator configures": {vocab.TriggerInitial, (*runtest.World).WithoutCPO, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := runtest.New(t)
			w.BesideCPO()
			w.StanzaExists = false
			tc.world(w)
			p := newPod(w)
			p.parameters.Trigger = tc.trigger
			p.mustRun("begin", "precheck")
			if took := w.Clock.Since(runtest.Start); took < tc.least || took > tc.most {
				t.Errorf("it took %s, want %s to %s", took, tc.least, tc.most)
			}
			if n := len(w.Issued("stanza-create")); n != tc.creates {
				t.Errorf("%d commands stanza-create, want %d", n, tc.creates)
			}
		})
	}
	t.Run("PostgreSQL does not answer", func(t *testing.T) {
		w := runtest.New(t)
		w.BesideCPO()
		w.On("info", runtest.Fails(1, "no"), runtest.Fails(1, "no"), runtest.Fails(1, "no"))
		p := newPod(w)
		p.parameters.Trigger = vocab.TriggerInitial
		p.wantFailure(p.run("begin", "precheck"), ExitStop, "precheck", stanzaflowv1alpha1.RunFailed, "pgbackrest info failed")
	})
}
