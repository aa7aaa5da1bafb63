// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// noon is a moment at which no schedule of the tests was due just now.
var noon = time.Date(2026, time.November, 22, 12, 7, 0, 0, time.UTC)

// makeState is a cluster with everything in place.
func makeState(t *testing.T) State {
	t.Helper()
	return makeStateOf(t, makePostgresql(t, "db"))
}

func makeStateOf(t *testing.T, postgresql *unstructured.Unstructured) State {
	t.Helper()
	state := State{
		Key:           types.NamespacedName{Namespace: "db", Name: testCluster},
		Postgresql:    postgresql,
		Stanza:        &stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Name: testCluster, Namespace: "db", Labels: map[string]string{vocab.LabelManagedBy: vocab.ManagedBy}}},
		ArgoInstalled: true,
		Template:      Template{Name: vocab.DefaultWorkflowTemplate, Found: true, Version: "uid.1", Contract: vocab.TemplateContract},
		Foreign:       map[string]bool{},
	}
	for _, object := range mustPlan(t, state) {
		object = object.DeepCopy()
		object.SetCreationTimestamp(metav1.NewTime(noon.Add(-48 * time.Hour)))
		if object.GetKind() == secretKind.Kind {
			continue
		}
		there := state.objects(object.GetKind())
		*there = append(*there, object)
		sortByName(*there)
	}
	return state
}

func mustPlan(t *testing.T, state State) []*unstructured.Unstructured {
	t.Helper()
	want, err := planned(state.plan())
	if err != nil {
		t.Fatal(err)
	}
	return want
}

func (s State) with(t *testing.T, change func(*State)) State {
	t.Helper()
	change(&s)
	return s
}

// running is a Workflow of the full schedule, or of a type of repo1 by hand.
func running(t *testing.T, backupType string, cron *unstructured.Unstructured) func(*State) {
	t.Helper()
	return func(s *State) {
		s.Workflows = append(s.Workflows, workflowOf(makeWorkflow("db", runOptions{name: "run", backupType: backupType, phase: "Running", cron: cron, started: noon})))
	}
}

func TestDiff(t *testing.T) {
	gone := func(s *State) { s.Postgresql = nil }
	suspendAll := func(s *State) {
		for _, object := range s.CronWorkflows {
			_ = unstructured.SetNestedField(object.Object, true, "spec", "suspend")
		}
	}
	for name, tc := range map[string]struct {
		change func(*State)
		at     time.Time
		want   []string
	}{
		"in place": {change: func(*State) {}},
		"nothing there": {
			change: func(s *State) { s.CronWorkflows, s.ConfigMaps, s.Stanza = nil, nil, nil },
			want:   []string{"create Stanza", "create " + testConfigMap, "create " + testFull, "create " + testIncr},
		},
		"a stanza is for clusters with backup settings": {
			change: func(s *State) {
				s.CronWorkflows, s.ConfigMaps, s.Stanza = nil, nil, nil
				unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup")
			},
		},
		"a stanza says what cannot be read": {
			change: func(s *State) {
				s.CronWorkflows, s.ConfigMaps, s.Stanza = nil, nil, nil
				s.Postgresql.Object["spec"] = "nonsense"
			},
			want: []string{"create Stanza"},
		},
		"schedule changed": {
			change: func(s *State) { setSchedule(s.Postgresql, cpo.Full, "0 1 * * *") },
			want:   []string{"update " + testFull},
		},
		"template changed": {
			change: func(s *State) { s.Template.Version = "uid.2" },
			want:   []string{"update " + testFull, "update " + testIncr},
		},
		"argo has annotations and a status of its own": {
			change: func(s *State) {
				s.CronWorkflows[0].SetAnnotations(map[string]string{vocab.AnnotationTemplate: "uid.1", "cronworkflows.argoproj.io/last-used-schedule": "x"})
				s.CronWorkflows[0].Object["status"] = map[string]any{"phase": "Active"}
			},
		},
		"argo reverted our annotation": {
			change: func(s *State) {
				s.CronWorkflows[0].SetAnnotations(map[string]string{vocab.AnnotationTemplate: "uid.0"})
			},
			want: []string{"update " + testFull},
		},
		"the api server left false out": {
			change: func(s *State) { unstructured.RemoveNestedField(s.CronWorkflows[0].Object, "spec", "suspend") },
		},
		"somebody suspended it in argo": {change: suspendAll, want: []string{"update " + testFull, "update " + testIncr}},
		"somebody else's field": {
			change: func(s *State) {
				_ = unstructured.SetNestedField(s.CronWorkflows[0].Object, "Replace", "spec", "concurrencyPolicy")
			},
			want: []string{"update " + testFull},
		},
		"somebody else's key in the config map": {
			change: func(s *State) { _ = unstructured.SetNestedField(s.ConfigMaps[0].Object, "x", "data", "more.conf") },
			want:   []string{"update " + testConfigMap},
		},
		"a broken schedule keeps the last good one": {
			change: func(s *State) { setSchedule(s.Postgresql, cpo.Full, "nonsense") },
			want:   []string{"keep " + testFull},
		},
		"a broken schedule without a last good one": {
			change: func(s *State) {
				setSchedule(s.Postgresql, cpo.Full, "nonsense")
				s.CronWorkflows = s.CronWorkflows[1:]
			},
		},
		"what is kept is suspended with the rest": {
			change: func(s *State) {
				setSchedule(s.Postgresql, cpo.Full, "nonsense")
				s.Stanza.Spec.Suspend = true
			},
			want: []string{"update " + testIncr, "suspend " + testFull, "keep " + testFull},
		},
		"what is kept comes back with the rest": {
			change: func(s *State) {
				suspendAll(s)
				setSchedule(s.Postgresql, cpo.Full, "nonsense")
			},
			want: []string{"update " + testIncr, "resume " + testFull, "keep " + testFull},
		},
		"nothing can be read": {
			change: func(s *State) { s.Postgresql.Object["spec"] = "nonsense" },
			want:   []string{"keep " + testFull, "keep " + testIncr, "keep " + testConfigMap},
		},
		"a broken repo keeps its schedules and the config map": {
			change: func(s *State) { repo1(s.Postgresql)["storage"] = "tape" },
			want:   []string{"keep " + testFull, "keep " + testIncr, "keep " + testConfigMap},
		},
		"a bad option keeps the config map and nothing else": {
			change: func(s *State) {
				_ = unstructured.SetNestedField(s.Postgresql.Object, "x", "spec", "backup", "pgbackrest", "global", "repo1-s3-key")
				_ = unstructured.SetNestedField(s.Postgresql.Object, "/elsewhere", "spec", "backup", "pgbackrest", "global", "repo1-path")
				setSchedule(s.Postgresql, cpo.Full, "0 1 * * *")
			},
			want: []string{"update " + testFull, "keep " + testConfigMap},
		},
		"a broken time zone keeps everything": {
			change: func(s *State) { s.Stanza.Spec.TimeZone = "Nowhere" },
			want:   []string{"keep " + testFull, "keep " + testIncr},
		},
		"not ours": {
			change: func(s *State) {
				s.CronWorkflows = s.CronWorkflows[1:]
				s.Foreign["CronWorkflow "+testFull] = true
			},
			want: []string{"refuse " + testFull},
		},
		"argo is not installed": {
			change: func(s *State) {
				s.ArgoInstalled, s.Template, s.CronWorkflows, s.ConfigMaps = false, Template{}, nil, nil
			},
			want: []string{"create " + testConfigMap, "blocked " + testFull, "blocked " + testIncr},
		},
		"no template, nothing there": {
			change: func(s *State) { s.Template, s.CronWorkflows = Template{Name: "x"}, nil },
			want:   []string{"blocked " + testFull, "blocked " + testIncr},
		},
		"no template, changed schedule": {
			change: func(s *State) {
				s.Template = Template{Name: "x"}
				setSchedule(s.Postgresql, cpo.Full, "0 1 * * *")
			},
			want: []string{"blocked " + testFull, "blocked " + testIncr},
		},
		"template of another contract, suspended": {
			change: func(s *State) {
				s.Template.Contract = "v2"
				s.Stanza.Spec.Suspend = true
			},
			want: []string{"suspend " + testFull, "suspend " + testIncr, "blocked " + testFull, "blocked " + testIncr},
		},
		"no template, schedule removed": {
			change: func(s *State) {
				s.Template = Template{Name: "x"}
				setSchedule(s.Postgresql, cpo.Full, "")
			},
			want: []string{"suspend to drain " + testFull, "blocked " + testIncr},
		},
		"schedule removed": {
			change: func(s *State) { setSchedule(s.Postgresql, cpo.Full, "") },
			want:   []string{"suspend to drain " + testFull},
		},
		"schedule removed, suspended, its run goes on": {
			change: func(s *State) {
				suspendAll(s)
				setSchedule(s.Postgresql, cpo.Full, "")
				setSchedule(s.Postgresql, cpo.Incr, "")
				running(t, cpo.Full, s.CronWorkflows[0])(s)
			},
			want: []string{"drain " + testFull, "delete " + testIncr},
		},
		"schedule removed, suspended, a run by hand goes on": {
			change: func(s *State) {
				suspendAll(s)
				setSchedule(s.Postgresql, cpo.Full, "")
				setSchedule(s.Postgresql, cpo.Incr, "")
				running(t, cpo.Incr, nil)(s)
			},
			want: []string{"drain " + testIncr, "delete " + testFull},
		},
		"schedule removed, suspended, due a moment ago": {
			change: func(s *State) {
				suspendAll(s)
				setSchedule(s.Postgresql, cpo.Full, "")
				setSchedule(s.Postgresql, cpo.Incr, "")
			},
			at:   time.Date(2026, time.November, 22, 2, 30, 29, 0, time.UTC),
			want: []string{"drain " + testFull, "drain " + testIncr, "wake 02:30:30"},
		},
		"schedule removed, suspended, settled": {
			change: func(s *State) {
				suspendAll(s)
				setSchedule(s.Postgresql, cpo.Full, "")
			},
			at:   time.Date(2026, time.November, 22, 2, 30, 30, 0, time.UTC),
			want: []string{"update " + testIncr, "delete " + testFull},
		},
		"backup section removed": {
			change: func(s *State) { unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup") },
			want:   []string{"suspend to drain " + testFull, "suspend to drain " + testIncr},
		},
		"backup section removed, drained": {
			change: func(s *State) {
				suspendAll(s)
				unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup")
			},
			want: []string{"delete " + testFull, "delete " + testIncr},
		},
		"backup section removed, config map stays": {
			change: func(s *State) {
				s.CronWorkflows = nil
				unstructured.RemoveNestedField(s.Postgresql.Object, "spec", "backup")
			},
		},
		"cluster gone": {
			change: gone,
			want:   []string{"suspend to drain " + testFull, "suspend to drain " + testIncr},
		},
		"cluster gone, drained": {
			change: func(s *State) { gone(s); suspendAll(s) },
			want:   []string{"delete " + testFull, "delete " + testIncr},
		},
		"cluster gone, stanza waits for a run by hand": {
			change: func(s *State) { gone(s); s.CronWorkflows = nil; running(t, cpo.Diff, nil)(s) },
		},
		"cluster gone, stanza is last, config map stays": {
			change: func(s *State) { gone(s); s.CronWorkflows = nil },
			want:   []string{"delete Stanza"},
		},
		"cluster gone, config map too": {
			change: func(s *State) { gone(s); s.CronWorkflows, s.ConfigMaps = nil, nil },
			want:   []string{"delete Stanza"},
		},
		"cluster gone, only the config map is left": {
			change: func(s *State) { gone(s); s.CronWorkflows, s.Stanza = nil, nil },
		},
		"cluster is back, only the config map was left": {
			change: func(s *State) {
				s.CronWorkflows, s.Stanza = nil, nil
				_ = unstructured.SetNestedField(s.Postgresql.Object, "9", "spec", "backup", "pgbackrest", "global", "repo1-retention-full")
			},
			want: []string{"create Stanza", "create " + testFull, "create " + testIncr, "update " + testConfigMap},
		},
		"cluster gone, stanza of the user": {
			change: func(s *State) { gone(s); s.CronWorkflows, s.Stanza.Labels = nil, nil },
		},
		"cluster gone, stanza that the user wrote in": {
			change: func(s *State) { gone(s); s.CronWorkflows, s.Stanza.Spec.Gate = nil, "true" },
		},
		"cluster gone, stanza too": {
			change: func(s *State) { gone(s); s.Stanza = nil },
			want:   []string{"suspend to drain " + testFull, "suspend to drain " + testIncr},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := makeState(t).with(t, tc.change)
			now := noon
			if !tc.at.IsZero() {
				now = tc.at
			}
			got := lines(diff(state, state.plan(), mustPlan(t, state), now))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("actions (-want +got): %s", diff)
			}
		})
	}
}

// lines writes actions as lines.
func lines(a actions) []string {
	var text []string
	add := func(verb string, objects ...*unstructured.Unstructured) {
		for _, object := range objects {
			text = append(text, verb+" "+object.GetName())
		}
	}
	if a.CreateStanza {
		text = append(text, "create Stanza")
	}
	add("create", a.Create...)
	var updates []*unstructured.Unstructured
	for _, u := range a.Update {
		updates = append(updates, u.Want)
	}
	add("update", updates...)
	for _, g := range a.Grow {
		size := claimSize(g.Want)
		text = append(text, "grow "+g.Want.GetName()+" to "+size.String())
	}
	for _, s := range a.Secrets {
		verb := "secret"
		if s.CreateOnly {
			verb = "secret if there is none"
		}
		add(verb, s.Want)
	}
	for _, m := range a.Mismatched {
		text = append(text, m.reason+" "+m.message)
	}
	if a.Certificate != nil {
		text = append(text, "certificate for "+a.Certificate.Duration.String())
	}
	for _, s := range a.Suspend {
		switch {
		case s.Drain:
			add("suspend to drain", s.Object)
		case s.Value:
			add("suspend", s.Object)
		default:
			add("resume", s.Object)
		}
	}
	add("drain", a.Drain...)
	add("delete", a.Delete...)
	if a.DeleteStanza {
		text = append(text, "delete Stanza")
	}
	add("keep", a.Keep...)
	add("refuse", a.Refuse...)
	add("blocked", a.Blocked...)
	if !a.Wake.IsZero() {
		text = append(text, "wake "+a.Wake.Format(time.TimeOnly))
	}
	return text
}

func TestPlannedIsWhatIsSent(t *testing.T) {
	for _, object := range mustPlan(t, makeState(t)) {
		text := asJSON(object)
		for _, never := range []string{"status", "creationTimestamp", "ownerReferences", "finalizers", "null", "{}", "[]"} {
			if containsWord(text, never) {
				t.Errorf("%s is sent with %s: %s", id(object), never, text)
			}
		}
		if object.GetKind() != cronWorkflowKind.Kind {
			continue
		}
		if suspend, ok, _ := unstructured.NestedBool(object.Object, "spec", "suspend"); suspend || !ok {
			t.Errorf("%s is sent with suspend %v, %v", id(object), suspend, ok)
		}
	}
}

func containsWord(text, word string) bool {
	if word == "null" || word == "{}" || word == "[]" {
		return has([]string{text}, ": "+word)
	}
	return has([]string{text}, `"`+word+`"`)
}
