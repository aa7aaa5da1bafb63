// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"context"
	"slices"
	"time"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
)

// Verdict of a check.
type Verdict string

// Verdicts.
const (
	Good Verdict = "OK"
	// Warning: backups work, and something should be done.
	Warning Verdict = "Warning"
	// Broken: backups do not work, or nobody would notice that they do not.
	Broken Verdict = "Broken"
	// NotKnown: it could not be looked at.
	NotKnown Verdict = "Unknown"
)

// Check is what doctor has found out about one thing.
type Check struct {
	Subject string  `json:"subject"`
	Verdict Verdict `json:"verdict"`
	// Finding says what was found.
	Finding string `json:"finding"`
	// Fix says what to do. Empty if nothing is.
	Fix string `json:"fix,omitempty"`
}

// Question is what doctor is to look at.
type Question struct {
	// Namespace to look at, empty for all.
	Namespace string
	// Version of this program.
	Version string
	// Now is the clock here.
	Now func() time.Time
}

// examination is one look at everything.
type examination struct {
	Question
	from   Source
	checks []Check
	// operator is what is known of the operator.
	operator operator
	stanzas  []*stanzaflowv1alpha1.Stanza
}

// Examine looks at everything that backups depend on.
func Examine(ctx context.Context, from Source, q Question) []Check {
	x := &examination{Question: q, from: from}
	x.checkKubernetes(ctx)
	x.checkKinds(ctx)
	x.checkOperator(ctx)
	x.checkPolicies(ctx)
	x.checkRights(ctx)
	x.checkArgo(ctx)
	x.checkNamespaces(ctx)
	return x.checks
}

func (x *examination) add(subject string, verdict Verdict, finding, fix string) {
	x.checks = append(x.checks, Check{Subject: subject, Verdict: verdict, Finding: finding, Fix: fix})
}

// notKnown adds what could not be looked at, and why.
func (x *examination) notKnown(subject, why string) {
	x.add(subject, NotKnown, why, "ask somebody who may, such as a cluster-admin, to run this command")
}

// IsBroken reports whether a check has found something broken.
func IsBroken(checks []Check) bool {
	return slices.ContainsFunc(checks, func(c Check) bool { return c.Verdict == Broken })
}

var verdictTones = map[Verdict]printer.Tone{Good: printer.Good, Warning: printer.Uncertain, NotKnown: printer.Uncertain, Broken: printer.Bad}

// PrintChecks prints the checks, each with what to do.
func PrintChecks(p printer.Printer, checks []Check) {
	subject := 0
	for _, c := range checks {
		subject = max(subject, len(c.Subject))
	}
	const verdict = len(Warning)
	for _, c := range checks {
		p.Line(verdictTones[c.Verdict], "%-*s  %-*s  %s", verdict, c.Verdict, subject, c.Subject, c.Finding)
		if c.Fix != "" {
			p.Line(printer.None, "%-*s  %-*s  fix: %s", verdict, "", subject, "", c.Fix)
		}
	}
	counts := map[Verdict]int{}
	for _, c := range checks {
		counts[c.Verdict]++
	}
	p.Line(printer.None, "")
	p.Line(printer.None, "%d checks: %d OK, %d Warning, %d Broken, %d Unknown", len(checks), counts[Good], counts[Warning], counts[Broken], counts[NotKnown])
}
