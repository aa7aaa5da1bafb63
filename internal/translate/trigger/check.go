// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package trigger

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/internal/when"
)

// field is the path of a field of the trigger at an index.
func field(index int, name string) string { return fmt.Sprintf("spec.triggers[%d].%s", index, name) }

// checker reads one trigger of a Stanza and collects its Problems. The API server has
// checked most of it, unless its CRD is older or the text never was there, as with
// operator render.
type checker struct {
	index    int
	problems problem.List
}

func (c *checker) refuse(name, format string, args ...any) {
	c.problems.AddStanza(field(c.index, name), vocab.ReasonInvalidTrigger, format, args...)
}

// check reads one trigger.
func check(in Input, spec stanzaflowv1alpha1.Trigger, index int) (Trigger, problem.List) {
	c := &checker{index: index}
	c.name(spec.Name)
	if !slices.Contains(events, spec.Event) {
		c.refuse("event", "must be %s%s", problem.Alternatives(texts(events)), problem.Not(string(spec.Event), texts(events)))
	}
	if cpo.CheckBackupType(spec.Type) != nil {
		c.problems.AddStanza(field(index, "type"), vocab.ReasonUnsupportedBackupType, "supports only %s%s", problem.All(cpo.BackupTypes), problem.Not(spec.Type, cpo.BackupTypes))
	}
	trigger := Trigger{
		Name: spec.Name, Event: spec.Event, Type: spec.Type, Repo: c.repo(in.Cluster, spec.Repo),
		MaxAge: c.duration("maxAge", spec.MaxAge), Cooldown: c.duration("cooldown", spec.Cooldown),
	}
	if spec.Event == stanzaflowv1alpha1.OnChange {
		trigger.Of = c.objects(in.Cluster, spec.Of)
		program, err := when.Compile(spec.When)
		if err != nil {
			c.refuse("when", "%v", err)
		}
		trigger.When = program
	}
	return trigger, c.problems
}

var events = []stanzaflowv1alpha1.TriggerEvent{
	stanzaflowv1alpha1.OnRestore, stanzaflowv1alpha1.OnMajorUpgrade, stanzaflowv1alpha1.OnFailover, stanzaflowv1alpha1.OnChange,
}

func texts(events []stanzaflowv1alpha1.TriggerEvent) []string {
	words := make([]string, len(events))
	for i, event := range events {
		words[i] = string(event)
	}
	return words
}

// validName is what the CRD requires, too.
var validName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$`)

func (c *checker) name(name string) {
	switch {
	case !validName.MatchString(name):
		c.refuse("name", "must have at most 30 lower-case letters, digits and dashes, and begin with a letter")
	case name == vocab.TriggerSchedule, name == vocab.TriggerManual, strings.HasPrefix(name, vocab.TriggerInitial), strings.HasPrefix(name, vocab.TriggerOverdue):
		c.refuse("name", "must not be schedule, manual or begin with initial or overdue, which have a meaning of their own")
	}
}

// repo is the name of the repo of a trigger. It need not be one that can be planned.
func (c *checker) repo(cluster cpo.Postgresql, name string) string {
	if cluster.PgBackRest == nil || len(cluster.PgBackRest.Repos) == 0 {
		return name
	}
	if name == "" {
		return cluster.PgBackRest.Repos[0].Name
	}
	var names []string
	for _, repo := range cluster.PgBackRest.Repos {
		if _, err := cpo.RepoNumber(repo.Name); err != nil {
			return name // It may be meant to be this one, and has a Problem of its own.
		}
		names = append(names, repo.Name)
	}
	if !slices.Contains(names, name) {
		c.problems.AddStanza(field(c.index, "repo"), vocab.ReasonUnknownRepo, "must be %s, as in the postgresql%s", problem.Alternatives(names), problem.Not(name, names))
	}
	return name
}

// objects reads what a trigger on a change is about.
func (c *checker) objects(cluster cpo.Postgresql, of *stanzaflowv1alpha1.TriggerObject) Objects {
	switch {
	case of == nil:
		c.refuse("of", "is needed with event: Change, and says the change of what")
		return Objects{}
	case !slices.Contains(kinds, of.Kind):
		c.refuse("of.kind", "must be %s%s", problem.Alternatives(kinds), problem.Not(of.Kind, kinds))
	case of.Kind == problem.KindPostgresql:
		if of.Name != "" || of.Selector != nil {
			c.refuse("of", "must not have a name or a selector for kind postgresql, which is always the one of the Stanza")
		}
		return Objects{Kind: of.Kind, Name: cluster.Name}
	case (of.Name == "") == (of.Selector == nil):
		c.refuse("of", "must have either name or selector")
	case of.Name != "" && len(validation.IsDNS1123Subdomain(of.Name)) > 0:
		c.refuse("of.name", "is not a valid name; use only lower-case letters, digits, dashes and dots")
	case of.Selector != nil:
		return c.selected(of)
	}
	return Objects{Kind: of.Kind, Name: of.Name}
}

func (c *checker) selected(of *stanzaflowv1alpha1.TriggerObject) Objects {
	selector, err := metav1.LabelSelectorAsSelector(of.Selector)
	if err != nil {
		c.refuse("of.selector", "cannot be read: %v", err)
	}
	return Objects{Kind: of.Kind, Selector: selector}
}

var kinds = []string{"Deployment", "StatefulSet", problem.KindPostgresql}

func (c *checker) duration(name string, duration *metav1.Duration) time.Duration {
	if duration == nil {
		return 0
	}
	if duration.Duration < 0 {
		c.refuse(name, "must not be negative; use a duration such as 15m")
	}
	return duration.Duration
}
