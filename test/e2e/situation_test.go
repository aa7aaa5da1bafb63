// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package e2e

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/monitor"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/page"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/program"
	"github.com/stanzaflow/stanzaflow/test/e2e/internal/wait"
)

// situation is what a database is brought into.
type situation struct {
	// name is one of theSituations.
	name string
	// what says to the reader of the page how the database came there.
	what string
	// condition is the one that says so, with the reason.
	condition string
	status    metav1.ConditionStatus
	reason    vocab.Reason
	// first is a reason that the condition may have before that one. It is a word, too.
	first vocab.Reason
	// event is the reason of the event that says so, of the same moment. Empty if nothing
	// happens.
	event vocab.Reason
	// metric is an expression that shows it. CLUSTER stands for the matchers of the database.
	metric string
	// alerts are all that fire of the database.
	alerts []string
	// longest is how long the first word may take.
	longest time.Duration
}

// sighting is what a person sees in a situation, made stable.
type sighting struct {
	situation

	took       time.Duration
	printed    string
	ready      string
	conditions [][]string
	events     []string
	metrics    []string
	firing     []monitor.Alert
	explained  string
}

// see waits until a database is in a situation since a moment, and keeps what a person sees.
func (d *database) see(t *testing.T, s situation, since time.Time) {
	t.Helper()
	seen := sighting{situation: s}
	d.awaitWord(t, s, s.reason, cmp.Or(s.first, s.reason))
	seen.took = time.Since(since)
	t.Logf("MEASURED %s: the first word came %s after the fault", s.name, seen.took.Round(time.Second))
	d.awaitWord(t, s, s.reason)

	stable := d.stable(t)
	seen.firing = d.awaitAlerts(t, s)
	seen.metrics = d.awaitMetric(t, s, stable)
	seen.events = d.awaitEvents(t, s, since, stable)
	seen.printed = page.Grid(program.Kubectl(t, "get", "stanza", "-n", d.Namespace), stable)
	for _, c := range d.Stanza(t).Status.Conditions {
		if c.Type == vocab.ConditionReady {
			seen.ready = string(c.Status) + " | " + c.Reason
		}
		seen.conditions = append(seen.conditions, []string{c.Type, string(c.Status), c.Reason, stable.Text(c.Message)})
	}
	slices.SortStableFunc(seen.conditions, func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
	explained := program.Run(t, program.Checkout, nil, "bin/operator", "explain", "cluster", "-n", d.Namespace)
	seen.explained = stable.Text(duration.ReplaceAllString(explained, "12m"))
	for i := range seen.firing {
		seen.firing[i].Annotations["summary"] = stable.Text(duration.ReplaceAllString(seen.firing[i].Annotations["summary"], "12m"))
	}
	d.story.note(s.name, seen)
}

// duration matches how long something took or takes, in the words of explain and of an alert:
// seconds in one run of the story, minutes in the next.
var duration = regexp.MustCompile(`\b\d+(\.\d+)?[dhms]( ?\d+[dhms])*\b`)

// awaitWord waits until the condition of a situation has one of some reasons.
func (d *database) awaitWord(t *testing.T, s situation, reasons ...vocab.Reason) {
	t.Helper()
	wait.Until(t, s.longest, fmt.Sprintf("%s: %s is %s, %v", s.name, s.condition, s.status, reasons), func() (bool, string) {
		conditions := d.Stanza(t).Status.Conditions
		return slices.ContainsFunc(conditions, func(c metav1.Condition) bool {
			return c.Type == s.condition && c.Status == s.status && slices.Contains(reasons, vocab.Reason(c.Reason))
		}), fmt.Sprintf("%+v", conditions)
	})
}

// awaitAlerts waits until exactly the alerts of a situation have arrived in Alertmanager.
func (d *database) awaitAlerts(t *testing.T, s situation) []monitor.Alert {
	t.Helper()
	var firing []monitor.Alert
	wait.Until(t, 2*time.Minute, fmt.Sprintf("%s: the alerts %v fire", s.name, s.alerts), func() (bool, string) {
		var err error
		firing, err = d.story.stack.Alerts(t.Context(), d.Namespace)
		return err == nil && slices.Equal(monitor.Names(firing), s.alerts), fmt.Sprintf("%v %v", monitor.Names(firing), err)
	})
	// An alert becomes critical when it lasts; which severity is seen depends on the moment.
	slices.SortFunc(firing, func(a, b monitor.Alert) int {
		return cmp.Or(cmp.Compare(a.Labels["alertname"], b.Labels["alertname"]), cmp.Compare(b.Labels["severity"], a.Labels["severity"]))
	})
	firing = slices.CompactFunc(firing, func(a, b monitor.Alert) bool { return a.Labels["alertname"] == b.Labels["alertname"] })
	return firing
}

// awaitMetric waits until the expression of a situation is 1: Prometheus asks a little later.
func (d *database) awaitMetric(t *testing.T, s situation, stable *page.Stable) (texts []string) {
	t.Helper()
	expression := strings.ReplaceAll(s.metric, "CLUSTER", fmt.Sprintf(`namespace=%q,cluster="cluster"`, d.Namespace))
	wait.Until(t, time.Minute, s.name+": "+expression+" is 1", func() (bool, string) {
		samples, err := d.story.stack.Query(t.Context(), expression)
		texts = nil
		holds := len(samples) > 0
		for _, sample := range samples {
			holds = holds && sample.Value == 1
			text := sample.String()
			if sample.Labels["__name__"] == "" {
				// A comparison, because the value itself moves.
				text = fmt.Sprintf("%s: %g", expression, sample.Value)
			}
			texts = append(texts, stable.Text(text))
		}
		return err == nil && holds, fmt.Sprint(texts, err)
	})
	return texts
}

// awaitEvents waits for the event of a situation, and returns it as kubectl prints it. The
// clock of an event has no fractions of a second.
func (d *database) awaitEvents(t *testing.T, s situation, since time.Time, stable *page.Stable) []string {
	t.Helper()
	if s.event == "" {
		return nil
	}
	var texts []string
	wait.Until(t, time.Minute, fmt.Sprintf("%s: there is an event %s", s.name, s.event), func() (bool, string) {
		var list corev1.EventList
		err := d.TryList(t.Context(), &list)
		texts = nil
		for _, event := range list.Items {
			newest := event.EventTime.Time
			if event.Series != nil {
				newest = event.Series.LastObservedTime.Time
			}
			if event.Reason == string(s.event) && !newest.Before(since.Truncate(time.Second)) {
				texts = append(texts, stable.Text(fmt.Sprintf("%s %s %s/%s: %s", event.Type, event.Reason,
					strings.ToLower(event.InvolvedObject.Kind), event.InvolvedObject.Name, event.Message)))
			}
		}
		slices.Sort(texts)
		texts = slices.Compact(texts)
		return len(texts) > 0, fmt.Sprintf("%v, %d events", err, len(list.Items))
	})
	return texts
}

// row is the row of the table of all situations.
func (s sighting) row(name string) []string {
	ready, reason, _ := strings.Cut(s.ready, " | ")
	return []string{"[" + name + "](#" + strings.ToLower(strings.ReplaceAll(name, " ", "-")) + ")", ready, reason, links(s.alerts), s.first()}
}

// links lead to the runbook of each alert.
func links(alerts []string) string {
	var all []string
	for _, alert := range alerts {
		all = append(all, "["+alert+"](runbooks/"+alert+".md)")
	}
	return cmp.Or(strings.Join(all, ", "), "none")
}

// first says how long after the fault the first word came.
func (s sighting) first() string {
	if s.event == "" {
		return ""
	}
	return page.Took(s.took)
}

// describe writes the section of the situation.
func (s sighting) describe(p *page.Page, name string) {
	p.Heading(2, name)
	p.Say("%s", s.what)
	p.Say("`kubectl get stanza`:")
	p.Block(s.printed)
	p.Table(page.Rows(append([][]string{{"Condition", "Status", "Reason", "Message"}}, s.conditions...)))
	if len(s.events) > 0 {
		p.Say("Event:")
		p.Block(strings.Join(s.events, "\n"))
	}
	p.Say("Metric:")
	p.Block(strings.Join(s.metrics, "\n"))
	for _, alert := range s.firing {
		p.Say("Alert [%[1]s](runbooks/%[1]s.md), %[2]s: %[3]s", alert.Labels["alertname"], alert.Labels["severity"], alert.Annotations["summary"])
	}
	p.Say("`kubectl stanzaflow explain cluster`:")
	p.Block(s.explained)
}
