// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"fmt"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
	"github.com/stanzaflow/stanzaflow/internal/translate/schedule"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

var (
	validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$`)
	// ambiguous are names with which the CronWorkflow of a drill could have the name of one
	// of another cluster.
	ambiguous = regexp.MustCompile(`(^|-)(drill-|repo[1-4]-(full|diff|incr)$)`)
	// parameter of PostgreSQL that a drill takes from the user.
	parameter = regexp.MustCompile(`^(shared_preload_libraries|shared_buffers|maintenance_work_mem|max_wal_size|[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*)$`)
)

// field is the path of a field of the drill at an index.
func field(index int, name string) string { return fmt.Sprintf("spec.drills[%d].%s", index, name) }

// checker reads one drill. The API server has checked most of it, unless its CRD is older or
// the text never was there, as with operator render.
type checker struct {
	in       Input
	index    int
	problems problem.List
}

func (c *checker) refuse(name, format string, args ...any) {
	c.problems.AddStanza(field(c.index, name), vocab.ReasonInvalidDrill, format, args...)
}

// check returns the cron expression of a drill in the words of cron, empty without one. The
// drill cannot run if the Problems refuse it.
func (in Input) check(d stanzaflowv1alpha1.Drill, index int) (string, problem.List) {
	c := &checker{in: in, index: index}
	c.name(d.Name)
	c.repo(d.Repo)
	if d.Target != "" && !slices.Contains(targets, string(d.Target)) {
		c.refuse("target", "must be %s%s", problem.Alternatives(targets), problem.Not(string(d.Target), targets))
	}
	for _, check := range d.Checks {
		if !slices.Contains(checks, string(check)) {
			c.refuse("checks", "must be of %s%s", problem.All(checks), problem.Not(string(check), checks))
		}
	}
	c.sql(d.SQL)
	return c.schedule(d.Schedule), c.problems
}

var (
	targets = []string{string(stanzaflowv1alpha1.TargetNewest), string(stanzaflowv1alpha1.TargetRandom), string(stanzaflowv1alpha1.TargetImmediate)}
	checks  = []string{string(stanzaflowv1alpha1.CheckDump), string(stanzaflowv1alpha1.CheckAmcheck), string(stanzaflowv1alpha1.CheckChecksums)}
)

func (c *checker) name(name string) {
	switch first := slices.IndexFunc(c.in.Stanza.Drills, func(d stanzaflowv1alpha1.Drill) bool { return d.Name == name }); {
	case !validName.MatchString(name):
		c.refuse("name", "must have 1 to 16 lower-case letters, digits and dashes, and begin and end with no dash")
	case ambiguous.MatchString(name):
		c.refuse("name", "must not hold drill- nor end like repo1-full: its CronWorkflow could have the name of another cluster's")
	case first < c.index:
		c.refuse("name", "names two drills; rename one of them")
	}
}

func (c *checker) repo(name string) {
	if name != "" && !slices.Contains(c.in.Repos, name) && !c.mistaken(name) {
		c.problems.AddStanza(field(c.index, "repo"), vocab.ReasonUnknownRepo, "must be %s, as in the postgresql%s", problem.Alternatives(c.in.Repos), problem.Not(name, c.in.Repos))
	}
}

// mistaken reports whether a repo is in the postgresql and has a Problem of its own.
func (c *checker) mistaken(name string) bool {
	return slices.ContainsFunc(c.in.Cluster.PgBackRest.Repos, func(r cpo.Repo) bool { return r.Name == name })
}

func (c *checker) sql(all []stanzaflowv1alpha1.SQLCheck) {
	for i, q := range all {
		path := fmt.Sprintf("sql[%d].", i)
		compared := 0
		for _, set := range []bool{q.Equals != nil, q.Min != nil, q.MaxAge != nil} {
			if set {
				compared++
			}
		}
		switch {
		case compared != 1:
			c.refuse(path+"query", "must have exactly one of equals, min and maxAge")
		case problem.HoldsExpression(q.Query):
			c.problems.AddStanza(field(c.index, path+"query"), vocab.ReasonTemplateExpression, problem.ExpressionMessage)
		case problem.HoldsExpression(q.Database):
			c.problems.AddStanza(field(c.index, path+"database"), vocab.ReasonTemplateExpression, problem.ExpressionMessage)
		case q.Equals != nil && problem.HoldsExpression(*q.Equals):
			c.problems.AddStanza(field(c.index, path+"equals"), vocab.ReasonTemplateExpression, problem.ExpressionMessage)
		}
	}
}

func (c *checker) schedule(expression string) string {
	if expression == "" {
		return ""
	}
	path := field(c.index, "schedule")
	if problem.HoldsExpression(expression) {
		c.problems.AddStanza(path, vocab.ReasonTemplateExpression, problem.ExpressionMessage)
		return ""
	}
	read := schedule.Read(expression)
	if read.Refusal != "" {
		c.problems.AddStanza(path, vocab.ReasonInvalidSchedule, "%s", read.Refusal)
	}
	if read.Warning != "" {
		c.problems.WarnStanza(path, vocab.ReasonSurprisingSchedule, "%s", read.Warning)
	}
	return read.Expression
}

// checkPod finds the Problems of the pod that restores. With one that refuses it, the
// ConfigMap stays as it is.
func (in Input) checkPod(m mounted) problem.List {
	var problems problem.List
	asked := in.restorePod()
	if in.Source == nil && !in.SourceUnknown && asked.Image == "" {
		problems.AddStanza("spec.restorePod.image", vocab.ReasonMissingField,
			"is needed: there is no StatefulSet %s from which a drill could take the image of PostgreSQL", in.Cluster.Name)
	}
	for _, name := range []struct{ field, value string }{{"secret", asked.Secret}, {"volume.storageClassName", asked.Volume.StorageClassName}} {
		if name.value != "" && len(validation.IsDNS1123Subdomain(name.value)) > 0 {
			problems.AddStanza("spec.restorePod."+name.field, vocab.ReasonInvalidName, "is not a valid name; use only lower-case letters, digits, dashes and dots")
		}
	}
	for _, text := range []struct{ field, value string }{{"image", asked.Image}, {"binDir", asked.BinDir}} {
		if problem.HoldsExpression(text.value) {
			problems.AddStanza("spec.restorePod."+text.field, vocab.ReasonTemplateExpression, problem.ExpressionMessage)
		}
	}
	if size := asked.Volume.Size; size != nil && size.Sign() <= 0 {
		problems.AddStanza("spec.restorePod.volume.size", vocab.ReasonInvalidVolume, "must be more than nothing, such as 40Gi")
	}
	if resources := asked.Resources; resources != nil && len(resources.Claims) > 0 {
		problems.AddStanza("spec.restorePod.resources.claims", vocab.ReasonInvalidDrill, "must be absent: the pod that restores has no claims")
	}
	in.checkParameters(&problems)
	for _, mount := range m.skipped {
		problems.WarnStanza("spec.restorePod", vocab.ReasonInvalidDrill,
			"the pods of PostgreSQL have %s on a volume that a drill may not have: it gets only ConfigMaps, Secrets and emptyDirs; a drill that needs its files fails", mount)
	}
	return problems
}

func (in Input) checkParameters(problems *problem.List) {
	for _, name := range sortedKeys(in.restorePod().Parameters) {
		const path = "spec.restorePod.parameters"
		switch {
		case !parameter.MatchString(name):
			problems.AddStanza(path, vocab.ReasonInvalidDrill, "must be shared_preload_libraries, shared_buffers, maintenance_work_mem, max_wal_size or a parameter of an extension, such as timescaledb.telemetry_level; a drill sets the others itself%s", problem.Not(name, nil))
		case problem.HoldsExpression(in.restorePod().Parameters[name]):
			problems.AddStanza(path, vocab.ReasonTemplateExpression, problem.ExpressionMessage)
		}
	}
}

// restorePod is what the Stanza says of the pod, zero without anything.
func (in Input) restorePod() stanzaflowv1alpha1.RestorePod {
	if in.Stanza.RestorePod == nil {
		return stanzaflowv1alpha1.RestorePod{}
	}
	return *in.Stanza.RestorePod
}
