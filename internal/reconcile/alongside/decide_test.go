// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alongside_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/alongside"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// scene is a cluster in which Stanzaflow has had the schedule incr, */3, for an hour.
type scene struct {
	*world

	cronJob *object.CronJob
	ours    *unstructured.Unstructured
}

func newScene(t *testing.T) *scene {
	t.Helper()
	w := newWorld(t, 1)
	w.operator()
	w.now = w.now.Add(time.Hour + time.Minute)
	s := &scene{world: w, cronJob: w.cronJobs["incr"]}
	s.ours = w.cronWorkflows[s.cronJob.Name]
	if s.ours == nil {
		t.Fatal("there is no CronWorkflow " + s.cronJob.Name)
	}
	s.cronJob.Suspended, s.cronJob.SuspendManager, s.cronJob.SuspendTime = true, vocab.FieldManager, w.now.Add(-time.Hour)
	w.state.Stanza.Status.Schedules = []stanzaflowv1alpha1.ScheduleStatus{{
		CronWorkflow: s.cronJob.Name, Repo: "repo1", Type: "incr",
		LastRun: &stanzaflowv1alpha1.RunStatus{StartTime: new(metav1.NewTime(w.now.Add(-time.Minute)))},
	}}
	return s
}

func TestDecide(t *testing.T) {
	mark := func(s *scene, value string) { object.Annotate(s.ours, object.AnnotationLastUsed, value) }
	suspend := func(s *scene) {
		s.ours = object.AsSuspended(s.ours)
		s.cronWorkflows[s.cronJob.Name] = s.ours
	}
	resumed := func(s *scene, manager string) {
		s.cronJob.Suspended, s.cronJob.SuspendManager, s.cronJob.SuspendTime = false, manager, s.now.Add(-30*time.Minute)
		s.cronJob.LastSlot = s.now.Add(-time.Minute)
	}
	unhealthyFor := func(s *scene, d time.Duration) {
		s.state.Stanza.Status.CronJobs = []stanzaflowv1alpha1.CronJobStatus{{
			Name: s.cronJob.Name, UID: string(s.cronJob.UID), UnhealthyTime: new(metav1.NewTime(s.now.Add(-d))),
		}}
	}
	for name, tc := range map[string]struct {
		change func(*scene)
		owner  stanzaflowv1alpha1.CronJobOwner
		reason vocab.Reason
		verb   object.Verb
		hold   bool
		text   string
	}{
		"ours": {
			change: func(*scene) {}, owner: "Stanzaflow",
		},
		"suspended by a user": {
			change: func(s *scene) { s.cronJob.SuspendManager = user }, owner: "User",
			text: "suspended by kubectl-edit; the operator never resumes it",
		},
		"suspended by a user, and not managed": {
			change: func(s *scene) {
				s.cronJob.SuspendManager = user
				s.state.Stanza.Spec.Managed = new(false)
			}, owner: "User", hold: true,
		},
		"new": {
			change: func(s *scene) { resumed(s, "") }, owner: "CPO", reason: vocab.ReasonTakingOver, verb: object.TakeOver,
			text: "CronWorkflow pgbackrest-shop-repo1-incr takes over the schedule",
		},
		"new, a slot is near": {
			change: func(s *scene) {
				resumed(s, "")
				s.now = s.now.Add(110 * time.Second)
			}, owner: "CPO", reason: vocab.ReasonTakingOver, text: "a slot is near",
		},
		"new, Kubernetes is late": {
			change: func(s *scene) {
				resumed(s, "")
				s.cronJob.LastSlot = s.now.Add(-4 * time.Minute)
			}, owner: "CPO", reason: vocab.ReasonTakingOver, text: "Kubernetes has not yet started the Job of the last slot",
		},
		"new, its Job is running": {
			change: func(s *scene) {
				resumed(s, "")
				s.cronJob.Running = true
			}, owner: "CPO", reason: vocab.ReasonTakingOver, text: "a Job of the CronJob is running",
		},
		"just created": {
			change: func(s *scene) {
				resumed(s, "")
				s.cronJob.Created = s.now.Add(-9 * time.Second)
			}, owner: "CPO", reason: vocab.ReasonTakingOver,
			text: "CronWorkflow pgbackrest-shop-repo1-incr has just been changed, or the CronJob has just been created",
		},
		"resumed by a user": {
			change: func(s *scene) { resumed(s, user) }, owner: "CPO", reason: vocab.ReasonLeftToCPO, hold: true,
			text: "resumed by kubectl-edit, so CPO makes the backups; to let Stanzaflow make them, suspend it",
		},
		"resumed by CPO itself": {
			change: func(s *scene) {
				resumed(s, "")
				s.state.Stanza.Status.CronJobs = []stanzaflowv1alpha1.CronJobStatus{{
					Name: s.cronJob.Name, UID: string(s.cronJob.UID), SuspendedTime: new(metav1.NewTime(s.now.Add(-time.Hour))),
				}}
			}, owner: "CPO", reason: vocab.ReasonLeftToCPO, hold: true,
			text: "resumed by CPO, so CPO makes the backups; to let Stanzaflow make them, suspend it",
		},
		"its command is another": {
			change: func(s *scene) {
				resumed(s, "")
				s.cronJob.Repo, s.cronJob.Type = "", ""
			}, owner: "CPO", text: "its command names no repo and type that are known, so it is left alone",
		},
		"not managed": {
			change: func(s *scene) { s.state.Stanza.Spec.Managed = new(false) }, owner: "Stanzaflow", hold: true,
			text: "CPO gets the schedule back when the runs of CronWorkflow pgbackrest-shop-repo1-incr have ended",
		},
		"not managed, ours is suspended": {
			change: func(s *scene) {
				s.state.Stanza.Spec.Managed = new(false)
				suspend(s)
				s.now = s.now.Add(35 * time.Second)
			}, owner: "Stanzaflow", verb: object.GiveBack, hold: true,
		},
		"not managed, the resource is gone": {
			change: func(s *scene) {
				s.state.Stanza.Spec.Managed = new(false)
				s.state.Postgresql = nil
			}, owner: "Stanzaflow",
		},
		"the schedule is empty": {
			change: func(s *scene) {
				reconciletest.Repo1(s.state.Postgresql)["schedule"] = map[string]any{"full": "0 2 * * *", "incr": ""}
				suspend(s)
				s.now = s.now.Add(35 * time.Second)
			}, owner: "Stanzaflow", reason: vocab.ReasonLeftToCPO, verb: object.GiveBack, hold: true,
			text: "Stanzaflow has no schedule for this backup",
		},
		"the schedule is removed": {
			change: func(s *scene) { reconciletest.SetSchedule(s.state.Postgresql, "incr", "") }, owner: "Stanzaflow",
		},
		"the template is gone": {
			change: func(s *scene) { s.noTemplate = true }, owner: "Stanzaflow",
			text: "there is no WorkflowTemplate pgbackrest-backup; if it stays so, CPO gets the schedule back",
		},
		"the template is gone for long": {
			change: func(s *scene) {
				s.noTemplate = true
				unhealthyFor(s, 11*time.Minute)
			}, owner: "Stanzaflow", reason: vocab.ReasonGivenBack, hold: true,
			text: "CPO gets the schedule back when the runs of CronWorkflow pgbackrest-shop-repo1-incr have ended",
		},
		"ours was deleted long ago": {
			change: func(s *scene) {
				delete(s.cronWorkflows, s.cronJob.Name)
				unhealthyFor(s, 11*time.Minute)
				s.now = s.now.Add(40 * time.Second)
			}, owner: "Stanzaflow", reason: vocab.ReasonGivenBack, verb: object.GiveBack,
			text: "CronWorkflow pgbackrest-shop-repo1-incr does not exist",
		},
		"Argo does not start ours": {
			change: func(s *scene) {
				s.state.Stanza.Status.Schedules = nil
				unhealthyFor(s, 11*time.Minute)
			}, owner: "Stanzaflow", reason: vocab.ReasonGivenBack, verb: object.Hold, hold: true,
			text: "CPO gets the schedule back when the runs of CronWorkflow pgbackrest-shop-repo1-incr have ended",
		},
		"Argo is still away": {
			change: func(s *scene) {
				resumed(s, vocab.FieldManager)
				suspend(s)
				mark(s, "")
				unhealthyFor(s, 11*time.Minute)
			}, owner: "CPO", reason: vocab.ReasonGivenBack, hold: true,
			text: "Argo has not started CronWorkflow pgbackrest-shop-repo1-incr in its slot; look at Argo's workflow controller; meanwhile CPO makes the backups",
		},
		"Argo is back": {
			change: func(s *scene) {
				resumed(s, vocab.FieldManager)
				suspend(s)
				mark(s, "CRON_TZ=UTC */3 * * * *")
				unhealthyFor(s, 11*time.Minute)
			}, owner: "CPO", reason: vocab.ReasonTakingOver, text: "CronWorkflow pgbackrest-shop-repo1-incr is not yet in force",
		},
		"the deadline is not needed any more": {
			change: func(s *scene) {
				resumed(s, vocab.FieldManager)
				s.state.Stanza.Spec.Managed = new(false)
				s.cronJob.Deadline, s.cronJob.DeadlineManager = new(int64(85)), vocab.FieldManager
			}, owner: "CPO", verb: object.LiftDeadline, hold: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			tc.change(s)
			state := s.observe()
			planned, err := object.Translate(state, vocab.ProvisionedByCPO)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range alongside.Decide(state, planned, s.now) {
				if h.Status.Name != s.cronJob.Name {
					continue
				}
				var verb object.Verb
				if len(h.Actions) > 0 {
					verb = h.Actions[0].Verb
				}
				if h.Status.Owner != tc.owner || h.Reason != tc.reason || verb != tc.verb || h.Hold != tc.hold || h.Status.Message != tc.text {
					t.Errorf("got owner %s, reason %q, verb %q, hold %t, message\n  %s\nwant owner %s, reason %q, verb %q, hold %t, message\n  %s",
						h.Status.Owner, h.Reason, verb, h.Hold, h.Status.Message, tc.owner, tc.reason, tc.verb, tc.hold, tc.text)
				}
			}
		})
	}
}

// TestDeadlineOfBefore gives a CronJob back that still has the deadline of an earlier
// time: it is replaced or lifted, unless a user has set it.
func TestDeadlineOfBefore(t *testing.T) {
	for name, tc := range map[string]struct {
		manager string
		ours    bool
		want    int64
		lift    bool
	}{
		"a slot that we had":       {vocab.FieldManager, true, 115, false},
		"a slot that nobody had":   {vocab.FieldManager, false, 0, true},
		"the deadline of the user": {user, true, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.state.Stanza.Spec.Managed = new(false)
			if !tc.ours {
				s.state.Stanza.Status.Schedules = nil
			}
			s.now = s.now.Add(time.Minute)
			s.cronWorkflows[s.cronJob.Name] = object.AsSuspended(s.ours)
			s.cronJob.Deadline, s.cronJob.DeadlineManager = new(int64(500)), tc.manager
			state := s.observe()
			planned, err := object.Translate(state, vocab.ProvisionedByCPO)
			if err != nil {
				t.Fatal(err)
			}
			for _, action := range object.With(alongside.Actions(alongside.Decide(state, planned, s.now)), object.GiveBack) {
				if action.Have.GetName() == s.cronJob.Name && (action.Deadline != tc.want || action.Lift != tc.lift) {
					t.Errorf("got deadline %d, lift %t, want %d, %t", action.Deadline, action.Lift, tc.want, tc.lift)
				}
			}
		})
	}
}

// TestDeadline gives a CronJob back at some times after a slot: Kubernetes must not
// start it if we had it, and must if we had not.
func TestDeadline(t *testing.T) {
	const no = -1 // not yet given back
	for _, tc := range []struct {
		after time.Duration
		ours  bool
		want  int64
	}{
		{35 * time.Second, true, no},
		{61 * time.Second, true, 56},
		{2 * time.Minute, true, 115},
		{35 * time.Second, false, 0},
		{2 * time.Minute, false, 0},
	} {
		s := newScene(t)
		if !tc.ours {
			s.state.Stanza.Status.Schedules = nil
		}
		s.state.Stanza.Spec.Managed = new(false)
		s.now = s.now.Add(-time.Minute).Add(tc.after) // the scene is a minute after the slot
		s.cronWorkflows[s.cronJob.Name] = object.AsSuspended(s.ours)
		state := s.observe()
		planned, err := object.Translate(state, vocab.ProvisionedByCPO)
		if err != nil {
			t.Fatal(err)
		}
		got := int64(no)
		for _, action := range object.With(alongside.Actions(alongside.Decide(state, planned, s.now)), object.GiveBack) {
			if action.Have.GetName() == s.cronJob.Name {
				got = action.Deadline
			}
		}
		if got != tc.want {
			t.Errorf("%s after a slot that we had (%t): got deadline %d, want %d", tc.after, tc.ours, got, tc.want)
		}
	}
}

// TestDeadlineInAWindow gives a CronJob back whose backups a window has made minutes later
// than its slots. The slot is ours only if our run of that slot has begun.
func TestDeadlineInAWindow(t *testing.T) {
	const offset = 2 * time.Minute
	for name, tc := range map[string]struct {
		// began is when our last run began, and now the moment, after the slot.
		began, now time.Duration
		want       int64
	}{
		"the run of the slot":                   {offset + 5*time.Second, offset + 40*time.Second, 155},
		"the late run of the slot before":       {30 * time.Second, 100 * time.Second, 0},
		"the run of the slot before, in time":   {-time.Minute, 100 * time.Second, 0},
		"the run of the slot has not yet begun": {-time.Minute, offset - time.Second, 0},
	} {
		s := newScene(t)
		slot := s.now.Add(-time.Minute) // the scene is a minute after it
		s.state.Window = windows[0]
		s.state.Stanza.Spec.Managed = new(false)
		s.state.Stanza.Status.Schedules[0].LastRun.StartTime = new(metav1.NewTime(slot.Add(tc.began)))
		s.now = slot.Add(tc.now)
		ours := object.AsSuspended(s.ours)
		object.Annotate(ours, vocab.AnnotationOffset, "2m")
		_ = unstructured.SetNestedStringSlice(ours.Object, []string{"2-59/3 * * * *"}, "spec", "schedules")
		s.cronWorkflows[s.cronJob.Name] = ours
		state := s.observe()
		planned, err := object.Translate(state, vocab.ProvisionedByCPO)
		if err != nil {
			t.Fatal(err)
		}
		got := int64(-1)
		for _, action := range object.With(alongside.Actions(alongside.Decide(state, planned, s.now)), object.GiveBack) {
			if action.Have.GetName() == s.cronJob.Name {
				got = action.Deadline
			}
		}
		if got != tc.want {
			t.Errorf("%s: got deadline %d, want %d", name, got, tc.want)
		}
	}
}
