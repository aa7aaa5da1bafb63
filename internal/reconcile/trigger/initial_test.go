// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger_test

import (
	"strings"
	"testing"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/trigger"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	noBackup    = "full initial: no proven backup in " + location
	noStanza    = "full initial: no known stanza in " + location
	newLocation = "s3://bucket/orders/elsewhere"
)

func (w *world) unproven() map[string]string { return trigger.Unproven(w.in.Before) }

// wantUnproven checks how it begins to say what repo1 lacks.
func (w *world) wantUnproven(want string) {
	w.t.Helper()
	got, found := w.unproven()["repo1"]
	if found != (want != "") || !strings.HasPrefix(got, want) {
		w.t.Errorf("unproven is %q, want %q", got, want)
	}
}

// newCluster has no backup yet, and no primary.
func newCluster(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.in.Repos[0].LastBackup = nil
	w.in.Seen.Primary = &trigger.Primary{}
	return w
}

// TestFirstBackup checks that a new cluster gets a full as soon as its primary is ready.
func TestFirstBackup(t *testing.T) {
	t.Parallel()
	w := newCluster(t)
	w.after(time.Hour)
	w.wantMessage("initial-repo1", "waits for the primary: no single pod is known to have the role")
	w.wantUnproven("has no proven backup in " + location + "; waits for the primary: no single pod is known to have the role")
	w.wantRuns()
	primary("orders-0")(w)
	w.after(time.Second)
	w.wantRuns(noBackup)
	w.wantUnproven("has no proven backup in " + location + "; Workflow " + w.created[0].Name + " is to change that")
	w.after(5 * time.Hour) // a large database
	w.wantRuns(noBackup)
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.after(24 * time.Hour)
	w.wantRuns(noBackup)
	w.wantUnproven("")
	if s := w.status("initial-repo1"); s.Result != "Succeeded" || s.Pending != nil || s.Attempts != 0 || s.Message != "" {
		t.Errorf("the trigger is %+v", s)
	}
}

// TestFirstBackupIsTriedAgain checks how long after each failure.
func TestFirstBackupIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newCluster(t)
	primary("orders-0")(w)
	w.after(10 * time.Second)
	minutes := []int{5, 10, 20, 40, 80, 160, 320, 360, 360, 360}
	for i, pause := range minutes {
		w.after(time.Hour)
		w.end([]stanzaflowv1alpha1.RunResult{stanzaflowv1alpha1.RunFailed, stanzaflowv1alpha1.RunHeld, stanzaflowv1alpha1.RunUnknown}[i%3], "no")
		end := w.in.Now
		w.after(time.Duration(pause)*time.Minute - time.Second)
		if len(w.created) != i+1 {
			t.Fatalf("attempt %d came too soon", i+2)
		}
		if i == 1 {
			w.wantMessage("initial-repo1", "the run starts at "+end.Add(10*time.Minute).Format(time.RFC3339)+", after 2 without success")
		}
		w.after(2 * time.Second)
		if len(w.created) != i+2 || w.status("initial-repo1").Attempts != int32(i+2) {
			t.Fatalf("no attempt %d after %d minutes: %s", i+2, pause, w)
		}
		w.wantUnproven("has no proven backup in " + location)
	}
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.after(24 * time.Hour)
	if len(w.created) != len(minutes)+1 {
		t.Error("tried again after success")
	}
	w.wantUnproven("")
}

// TestAnotherHasMadeIt checks that a backup of a schedule or a person is as good.
func TestAnotherHasMadeIt(t *testing.T) {
	t.Parallel()
	t.Run("before the first attempt", func(t *testing.T) {
		t.Parallel()
		w := newCluster(t)
		w.after(time.Minute)
		w.prove("20261129-120030F", w.in.Now, "by-hand")
		primary("orders-0")(w)
		w.after(time.Hour)
		w.wantRuns()
		w.wantMessage("initial-repo1", "backup 20261129-120030F of repo1 is proven")
		if s := w.status("initial-repo1"); s.Result != stanzaflowv1alpha1.TriggerNotNeeded || s.Pending != nil {
			t.Errorf("the trigger is %+v", s)
		}
		w.wantUnproven("")
	})
	t.Run("after a failure", func(t *testing.T) {
		t.Parallel()
		w := newCluster(t)
		primary("orders-0")(w)
		w.after(10 * time.Second)
		w.end(stanzaflowv1alpha1.RunFailed, "no")
		w.after(time.Minute)
		w.prove("20261129-120030F", w.in.Now, "by-hand")
		w.after(24 * time.Hour)
		w.wantRuns(noBackup)
		w.wantUnproven("")
	})
	t.Run("while the first attempt waits", func(t *testing.T) {
		t.Parallel()
		w := newCluster(t)
		primary("orders-0")(w)
		w.after(10 * time.Second)
		w.prove("20261129-120030F", w.in.Now, "by-hand")
		w.after(time.Minute)
		w.wantUnproven("")
		w.end(stanzaflowv1alpha1.RunFailed, "no")
		w.after(24 * time.Hour)
		w.wantRuns(noBackup)
		w.wantUnproven("")
		w.wantMessage("initial-repo1", "backup 20261129-120030F of repo1 is proven")
	})
}

// TestLocationChanged checks that a repo that moves gets a full where it is now.
func TestLocationChanged(t *testing.T) {
	t.Parallel()
	moved := "full initial: no proven backup in " + newLocation
	t.Run("of a repo with backups", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.after(time.Hour)
		w.in.Repos[0].Location, w.in.Repos[0].LastBackup = newLocation, nil
		w.after(time.Minute)
		w.wantRuns(moved)
	})
	t.Run("while the first run is under way", func(t *testing.T) {
		t.Parallel()
		w := newCluster(t)
		primary("orders-0")(w)
		w.after(10 * time.Second)
		w.in.Repos[0].Location = newLocation
		w.after(time.Minute)
		w.wantRuns(noBackup, moved)
	})
	t.Run("before the first run", func(t *testing.T) {
		t.Parallel()
		w := newCluster(t)
		w.after(time.Minute)
		w.in.Repos[0].Location = newLocation
		primary("orders-0")(w)
		w.after(time.Minute)
		w.wantRuns(moved)
	})
	t.Run("there and back", func(t *testing.T) {
		t.Parallel()
		w := newCluster(t)
		primary("orders-0")(w)
		w.in.Initial[0].Kind = vocab.RunStanza
		w.after(time.Minute)
		w.end(stanzaflowv1alpha1.RunSucceeded, "")
		w.after(time.Hour)
		w.in.Repos[0].Location = newLocation
		w.pass()
		w.in.Repos[0].Location = location
		w.after(time.Hour)
		w.wantRuns(noStanza, noStanza) // nobody knows what was done there meanwhile
	})
}

// TestStanzaAlone checks what is done if nobody wants an initial backup.
func TestStanzaAlone(t *testing.T) {
	t.Parallel()
	w := newCluster(t)
	w.in.Initial[0].Kind = vocab.RunStanza
	primary("orders-0")(w)
	w.after(10 * time.Second)
	w.wantRuns(noStanza)
	if kind := w.created[0].Labels[vocab.LabelKind]; kind != "stanza" || w.created[0].Spec.Entrypoint != "stanza" {
		t.Errorf("kind %s, entrypoint %s", kind, w.created[0].Spec.Entrypoint)
	}
	w.end(stanzaflowv1alpha1.RunFailed, "no")
	w.after(time.Minute)
	w.wantUnproven("has no known stanza in " + location)
	w.after(5 * time.Minute)
	w.wantRuns(noStanza, noStanza)
	w.end(stanzaflowv1alpha1.RunSucceeded, "")
	w.after(24 * time.Hour)
	w.wantRuns(noStanza, noStanza)
	w.wantUnproven("")
	// The user changes their mind.
	w.in.Initial[0].Kind = vocab.RunBackup
	w.after(time.Minute)
	w.wantRuns(noStanza, noStanza, noBackup)
}

// TestAfterAMajorUpgrade checks that each repo gets a backup of the new version, and
// that a version that is taken back needs none.
func TestAfterAMajorUpgrade(t *testing.T) {
	t.Parallel()
	upgraded := "full initial: no proven backup of PostgreSQL 18, before 17"
	t.Run("it is tried until it is proven", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.after(time.Hour)
		version("18")(w)
		w.after(time.Minute)
		w.wantRuns(upgraded)
		w.end(stanzaflowv1alpha1.RunHeld, "the cluster is being upgraded")
		w.after(time.Minute)
		w.wantUnproven("has no proven backup of PostgreSQL 18, before 17")
		w.after(5 * time.Minute)
		w.wantRuns(upgraded, upgraded)
		w.end(stanzaflowv1alpha1.RunSucceeded, "")
		w.after(24 * time.Hour)
		w.wantRuns(upgraded, upgraded)
		w.wantUnproven("")
	})
	t.Run("a backup from before does not count, one from after does", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.after(time.Hour)
		version("18")(w)
		w.in.Hold = "suspended"
		w.pass()
		w.prove("20261129-125959F", w.in.Now, "by-hand") // begun before
		w.after(time.Minute)
		w.wantUnproven("has no proven backup of PostgreSQL 18, before 17")
		w.after(time.Hour)
		w.prove("20261129-140000F", w.in.Now, "by-hand")
		w.in.Hold = ""
		w.after(time.Hour)
		w.wantRuns()
		w.wantUnproven("")
	})
	t.Run("the version is taken back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.after(time.Hour)
		w.in.Hold = "suspended"
		version("18")(w)
		w.after(time.Minute)
		version("17")(w)
		w.in.Hold = ""
		w.after(time.Hour)
		w.wantRuns()
		w.wantUnproven("")
	})
	t.Run("the stanza alone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.in.Initial[0].Kind = vocab.RunStanza
		w.after(time.Hour)
		version("18")(w)
		w.after(time.Minute)
		w.end(stanzaflowv1alpha1.RunSucceeded, "")
		w.after(24 * time.Hour)
		w.wantRuns("full initial: no known stanza of PostgreSQL 18, before 17")
		w.wantUnproven("")
	})
}

// TestRepoThatIsNotKnownYet checks that nothing starts before the status has the repo.
func TestRepoThatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.in.Repos = nil
	w.after(time.Hour)
	w.wantRuns()
}
