// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// with changes a state.
func with(state object.State, change func(*object.State)) object.State {
	change(&state)
	return state
}

// diffOf are the actions of a pass over a state.
func diffOf(t *testing.T, state object.State, now time.Time) []object.Action {
	t.Helper()
	return diff(vocab.ProvisionedByUs, observed{State: state}, reconciletest.Planned(t, state), now)
}

// running is a Workflow of the full schedule, or of a type of repo1 by hand.
func running(t *testing.T, backupType string, cron *unstructured.Unstructured) func(*object.State) {
	t.Helper()
	return func(s *object.State) {
		s.Workflows = append(s.Workflows, object.DecodeWorkflow(reconciletest.Workflow("db", reconciletest.Run{Name: "run", Type: backupType, Phase: "Running", CronWorkflow: cron, Started: reconciletest.Noon})))
	}
}

func TestDiff(t *testing.T) {
	gone := func(s *object.State) { s.Postgresql = nil }
	suspendAll := func(s *object.State) {
		for _, o := range s.Objects[object.CronWorkflow] {
			_ = unstructured.SetNestedField(o.Object, true, "spec", "suspend")
		}
	}
	// Both schedules are removed, and drain.
	removeSuspended := func(s *object.State) {
		suspendAll(s)
		reconciletest.SetSchedule(s.Postgresql, cpo.Full, "")
		reconciletest.SetSchedule(s.Postgresql, cpo.Incr, "")
	}
	for name, tc := range map[string]struct {
		change func(*object.State)
		at     time.Time
		want   []string
	}{
		"in place": {change: func(*object.State) {}},
		"nothing there": {
			change: func(s *object.State) {
				s.Objects[object.CronWorkflow], s.Objects[object.ConfigMap], s.Stanza = nil, nil, nil
			},
			want: []string{"create Stanza", "create " + reconciletest.ConfigMap, "create " + reconciletest.Full, "create " + reconciletest.Incr},
		},
		"a stanza is for clusters with backup settings": {
			change: func(s *object.State) {
				s.Objects[object.CronWorkflow], s.Objects[object.ConfigMap], s.Stanza = nil, nil, nil
				unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup")
			},
		},
		"a stanza says what cannot be read": {
			change: func(s *object.State) {
				s.Objects[object.CronWorkflow], s.Objects[object.ConfigMap], s.Stanza = nil, nil, nil
				s.Postgresql.Object["spec"] = "nonsense"
			},
			want: []string{"create Stanza"},
		},
		"schedule changed": {
			change: func(s *object.State) { reconciletest.SetSchedule(s.Postgresql, cpo.Full, "0 1 * * *") },
			want:   []string{"update " + reconciletest.Full},
		},
		"template changed": {
			change: func(s *object.State) { s.Template.Version = "uid.2" },
			want:   []string{"update " + reconciletest.Full, "update " + reconciletest.Incr},
		},
		"argo has annotations and a status of its own": {
			change: func(s *object.State) {
				object.Annotate(s.Objects[object.CronWorkflow][0], "cronworkflows.argoproj.io/last-used-schedule", "x")
				s.Objects[object.CronWorkflow][0].Object["status"] = map[string]any{"phase": "Active"}
			},
		},
		"argo reverted our annotation": {
			change: func(s *object.State) {
				object.Annotate(s.Objects[object.CronWorkflow][0], vocab.AnnotationTemplate, "uid.0")
			},
			want: []string{"update " + reconciletest.Full},
		},
		"the api server left false out": {
			change: func(s *object.State) {
				unstructured.RemoveNestedField(s.Objects[object.CronWorkflow][0].Object, "spec", "suspend")
			},
		},
		"somebody suspended it in argo": {change: suspendAll, want: []string{"update " + reconciletest.Full, "update " + reconciletest.Incr}},
		"somebody else's field": {
			change: func(s *object.State) {
				_ = unstructured.SetNestedField(s.Objects[object.CronWorkflow][0].Object, "Replace", "spec", "concurrencyPolicy")
			},
			want: []string{"update " + reconciletest.Full},
		},
		"somebody else's key in the config map": {
			change: func(s *object.State) {
				_ = unstructured.SetNestedField(s.Objects[object.ConfigMap][0].Object, "x", "data", "more.conf")
			},
			want: []string{"update " + reconciletest.ConfigMap},
		},
		"a broken schedule keeps the last good one": {
			change: func(s *object.State) { reconciletest.SetSchedule(s.Postgresql, cpo.Full, "nonsense") },
			want:   []string{"keep " + reconciletest.Full},
		},
		"a broken schedule without a last good one": {
			change: func(s *object.State) {
				reconciletest.SetSchedule(s.Postgresql, cpo.Full, "nonsense")
				s.Objects[object.CronWorkflow] = s.Objects[object.CronWorkflow][1:]
			},
		},
		"what is kept is suspended with the rest": {
			change: func(s *object.State) {
				reconciletest.SetSchedule(s.Postgresql, cpo.Full, "nonsense")
				s.Stanza.Spec.Suspend = true
			},
			want: []string{"update " + reconciletest.Incr, "suspend " + reconciletest.Full, "keep " + reconciletest.Full},
		},
		"what is kept comes back with the rest": {
			change: func(s *object.State) {
				suspendAll(s)
				reconciletest.SetSchedule(s.Postgresql, cpo.Full, "nonsense")
			},
			want: []string{"update " + reconciletest.Incr, "resume " + reconciletest.Full, "keep " + reconciletest.Full},
		},
		"nothing can be read": {
			change: func(s *object.State) { s.Postgresql.Object["spec"] = "nonsense" },
			want:   []string{"keep " + reconciletest.Full, "keep " + reconciletest.Incr, "keep " + reconciletest.ConfigMap},
		},
		"a broken repo keeps its schedules and the config map": {
			change: func(s *object.State) { reconciletest.Repo1(s.Postgresql)["storage"] = "tape" },
			want:   []string{"keep " + reconciletest.Full, "keep " + reconciletest.Incr, "keep " + reconciletest.ConfigMap},
		},
		"a bad option keeps the config map and nothing else": {
			change: func(s *object.State) {
				_ = unstructured.SetNestedField(s.Postgresql.Object, "x", "spec", "backup", "pgbackrest", "global", "repo1-s3-key")
				_ = unstructured.SetNestedField(s.Postgresql.Object, "/elsewhere", "spec", "backup", "pgbackrest", "global", "repo1-path")
				reconciletest.SetSchedule(s.Postgresql, cpo.Full, "0 1 * * *")
			},
			want: []string{"update " + reconciletest.Full, "keep " + reconciletest.ConfigMap},
		},
		"a broken time zone keeps everything": {
			change: func(s *object.State) { s.Stanza.Spec.TimeZone = "Nowhere" },
			want:   []string{"keep " + reconciletest.Full, "keep " + reconciletest.Incr},
		},
		"not ours": {
			change: func(s *object.State) {
				s.Objects[object.CronWorkflow] = s.Objects[object.CronWorkflow][1:]
				s.Foreign["CronWorkflow "+reconciletest.Full] = true
			},
			want: []string{"refuse " + reconciletest.Full},
		},
		"argo is not installed": {
			change: func(s *object.State) {
				s.ArgoInstalled, s.Template, s.Objects[object.CronWorkflow], s.Objects[object.ConfigMap] = false, object.Template{}, nil, nil
			},
			want: []string{"create " + reconciletest.ConfigMap, "block " + reconciletest.Full, "block " + reconciletest.Incr},
		},
		"no template, nothing there": {
			change: func(s *object.State) { s.Template, s.Objects[object.CronWorkflow] = object.Template{Name: "x"}, nil },
			want:   []string{"block " + reconciletest.Full, "block " + reconciletest.Incr},
		},
		"no template, changed schedule": {
			change: func(s *object.State) {
				s.Template = object.Template{Name: "x"}
				reconciletest.SetSchedule(s.Postgresql, cpo.Full, "0 1 * * *")
			},
			want: []string{"block " + reconciletest.Full, "block " + reconciletest.Incr},
		},
		"template of another contract, suspended": {
			change: func(s *object.State) {
				s.Template.Contract = "v0"
				s.Stanza.Spec.Suspend = true
			},
			want: []string{"suspend " + reconciletest.Full, "suspend " + reconciletest.Incr, "block " + reconciletest.Full, "block " + reconciletest.Incr},
		},
		"no template, schedule removed": {
			change: func(s *object.State) {
				s.Template = object.Template{Name: "x"}
				reconciletest.SetSchedule(s.Postgresql, cpo.Full, "")
			},
			want: []string{"retire " + reconciletest.Full, "block " + reconciletest.Incr},
		},
		"schedule removed": {
			change: func(s *object.State) { reconciletest.SetSchedule(s.Postgresql, cpo.Full, "") },
			want:   []string{"retire " + reconciletest.Full},
		},
		"schedule removed, suspended, its run is running": {
			change: func(s *object.State) {
				removeSuspended(s)
				running(t, cpo.Full, s.Objects[object.CronWorkflow][0])(s)
			},
			want: []string{"drain " + reconciletest.Full, "delete " + reconciletest.Incr},
		},
		"schedule removed, suspended, a run by hand is running": {
			change: func(s *object.State) {
				removeSuspended(s)
				running(t, cpo.Incr, nil)(s)
			},
			want: []string{"drain " + reconciletest.Incr, "delete " + reconciletest.Full},
		},
		"schedule removed, suspended, its run of another kind is running": {
			change: func(s *object.State) {
				removeSuspended(s)
				running(t, cpo.Full, s.Objects[object.CronWorkflow][0])(s)
				s.Workflows[0].Labels[vocab.LabelKind] = "drill"
			},
			want: []string{"drain " + reconciletest.Full, "delete " + reconciletest.Incr},
		},
		"schedule removed, suspended, due a moment ago": {
			change: func(s *object.State) {
				removeSuspended(s)
			},
			at:   time.Date(2026, time.November, 22, 2, 30, 29, 0, time.UTC),
			want: []string{"drain " + reconciletest.Full + " until 02:30:30", "drain " + reconciletest.Incr + " until 02:30:30"},
		},
		"schedule removed, suspended, settled": {
			change: func(s *object.State) {
				suspendAll(s)
				reconciletest.SetSchedule(s.Postgresql, cpo.Full, "")
			},
			at:   time.Date(2026, time.November, 22, 2, 30, 30, 0, time.UTC),
			want: []string{"update " + reconciletest.Incr, "delete " + reconciletest.Full},
		},
		"backup section removed": {
			change: func(s *object.State) { unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup") },
			want:   []string{"retire " + reconciletest.Full, "retire " + reconciletest.Incr},
		},
		"backup section removed, drained": {
			change: func(s *object.State) {
				suspendAll(s)
				unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup")
			},
			want: []string{"delete " + reconciletest.Full, "delete " + reconciletest.Incr},
		},
		"backup section removed, config map stays": {
			change: func(s *object.State) {
				s.Objects[object.CronWorkflow] = nil
				unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup")
			},
		},
		"cluster gone": {
			change: gone,
			want:   []string{"retire " + reconciletest.Full, "retire " + reconciletest.Incr},
		},
		"cluster gone, drained": {
			change: func(s *object.State) { gone(s); suspendAll(s) },
			want:   []string{"delete " + reconciletest.Full, "delete " + reconciletest.Incr},
		},
		"cluster gone, stanza waits for a run by hand": {
			change: func(s *object.State) { gone(s); s.Objects[object.CronWorkflow] = nil; running(t, cpo.Diff, nil)(s) },
		},
		"cluster gone, stanza is last, config map stays": {
			change: func(s *object.State) { gone(s); s.Objects[object.CronWorkflow] = nil },
			want:   []string{"delete Stanza"},
		},
		"cluster gone, config map too": {
			change: func(s *object.State) { gone(s); s.Objects[object.CronWorkflow], s.Objects[object.ConfigMap] = nil, nil },
			want:   []string{"delete Stanza"},
		},
		"cluster gone, only the config map is left": {
			change: func(s *object.State) { gone(s); s.Objects[object.CronWorkflow], s.Stanza = nil, nil },
		},
		"cluster is back, only the config map was left": {
			change: func(s *object.State) {
				s.Objects[object.CronWorkflow], s.Stanza = nil, nil
				_ = unstructured.SetNestedField(s.Postgresql.Object, "9", "spec", "backup", "pgbackrest", "global", "repo1-retention-full")
			},
			want: []string{"create Stanza", "create " + reconciletest.Full, "create " + reconciletest.Incr, "update " + reconciletest.ConfigMap},
		},
		"cluster gone, stanza of the user": {
			change: func(s *object.State) { gone(s); s.Objects[object.CronWorkflow], s.Stanza.Labels = nil, nil },
		},
		"cluster gone, stanza that the user wrote in": {
			change: func(s *object.State) { gone(s); s.Objects[object.CronWorkflow], s.Stanza.Spec.Gate = nil, "true" },
		},
		"cluster gone, stanza too": {
			change: func(s *object.State) { gone(s); s.Stanza = nil },
			want:   []string{"retire " + reconciletest.Full, "retire " + reconciletest.Incr},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := with(reconciletest.State(t), tc.change)
			now := reconciletest.Noon
			if !tc.at.IsZero() {
				now = tc.at
			}
			got := lines(diffOf(t, state, now))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("actions (-want +got): %s", diff)
			}
		})
	}
}

// lines writes each action as a line.
func lines(actions []object.Action) []string {
	var text []string
	for _, a := range actions {
		line := string(a.Verb)
		if a.Object() != nil {
			line += " " + a.Object().GetName()
		}
		switch {
		case a.Verb == object.Grow:
			size, _, _ := unstructured.NestedString(a.Want.Object, "spec", "resources", "requests", "storage")
			line += " to " + size
		case a.Verb == object.Mismatch:
			line = string(a.Verb) + " " + a.Text
		case a.Valid != 0:
			line += " for " + a.Valid.String()
		case !a.Wake.IsZero():
			line += " until " + a.Wake.Format(time.TimeOnly)
		}
		text = append(text, line)
	}
	return text
}

func TestPlannedIsWhatIsSent(t *testing.T) {
	for _, o := range reconciletest.Planned(t, reconciletest.State(t)).Objects() {
		text := reconciletest.JSON(o)
		for _, never := range []string{"status", "creationTimestamp", "ownerReferences", "finalizers", "null", "{}", "[]"} {
			if containsWord(text, never) {
				t.Errorf("%s is sent with %s: %s", object.ID(o), never, text)
			}
		}
		if o.GroupVersionKind() != object.CronWorkflow {
			continue
		}
		if suspend, ok, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); suspend || !ok {
			t.Errorf("%s is sent with suspend %v, %v", object.ID(o), suspend, ok)
		}
	}
}

func containsWord(text, word string) bool {
	if word == "null" || word == "{}" || word == "[]" {
		return has([]string{text}, ": "+word)
	}
	return has([]string{text}, `"`+word+`"`)
}

// TestAnotherProvisioner: where another owns the configuration, nothing of it is
// planned, watched, written or kept, whatever exists. Only the ConfigMap of the drills is
// ours.
func TestAnotherProvisioner(t *testing.T) {
	t.Parallel()
	const another = vocab.Provisioner("another")
	if kinds := configurationKinds(another); !slices.Equal(kinds, []schema.GroupVersionKind{object.ConfigMap}) {
		t.Errorf("watches %v", kinds)
	}
	for name, change := range map[string]func(*object.State){
		"in place":      func(*object.State) {},
		"nothing there": func(s *object.State) { s.Objects = object.Objects{} },
		"a problem":     func(s *object.State) { s.Stanza.Spec.Gate = "("; s.Postgresql.Object["spec"] = "nonsense" },
		"gone":          func(s *object.State) { s.Postgresql = nil },
	} {
		state := with(reconciletest.StateOf(t, reconciletest.Hosted(t, "db")), change)
		planned, err := object.Translate(state, another)
		if err != nil || len(planned.Configuration) > 0 {
			t.Fatalf("%s: plans %d objects of the configuration: %v", name, len(planned.Configuration), err)
		}
		for _, action := range diff(another, observed{State: state}, planned, reconciletest.Noon) {
			if action.Object() != nil && action.Object().GroupVersionKind() != object.CronWorkflow {
				t.Errorf("%s: %s %s", name, action.Verb, object.ID(action.Object()))
			}
		}
	}
	state := with(reconciletest.State(t), func(s *object.State) { s.Objects = object.Objects{} })
	planned, err := object.Translate(state, another)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"create " + reconciletest.Full, "create " + reconciletest.Incr}
	if diff := cmp.Diff(want, lines(diff(another, observed{State: state}, planned, reconciletest.Noon))); diff != "" {
		t.Errorf("actions (-want +got): %s", diff)
	}
}

// TestWatchesWhatItMakes covers everything but CronWorkflows, which have a cache
// of their own.
func TestWatchesWhatItMakes(t *testing.T) {
	t.Parallel()
	watched := configurationKinds(vocab.ProvisionedByUs)
	for _, o := range reconciletest.Planned(t, reconciletest.StateOf(t, reconciletest.Hosted(t, "db"))).Configuration {
		if !slices.Contains(watched, o.GroupVersionKind()) {
			t.Errorf("%s is not watched", object.ID(o))
		}
	}
}
