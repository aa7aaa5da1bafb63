// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stanzaflow/stanzaflow/internal/inspect/printer"
)

// width of the first column of a chain.
const width = len("WorkflowTemplate")

// PrintExplanation prints an explanation for a person.
func PrintExplanation(p printer.Printer, e Explanation) {
	p.Line(e.tone(), "%s", e.headline())
	for _, finding := range e.Findings {
		p.Line(printer.None, "")
		p.Line(tones[finding.Status], "%s is %s: %s", finding.Condition, finding.Status, finding.Reason)
		for _, link := range finding.Chain {
			p.Line(printer.None, "  %-*s  %s", width, link.What, link.Fact)
		}
	}
	printList(p, "Recoverable", e.Recoverable)
	printList(p, "Next", e.Next)
	printList(p, "Not known", e.Unknown)
}

func printList(p printer.Printer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.Line(printer.None, "")
	p.Line(printer.None, "%s", title)
	for _, line := range lines {
		p.Line(printer.None, "  %s", line)
	}
}

func (e Explanation) headline() string {
	name := fmt.Sprintf("postgresql %s in namespace %s", e.Cluster, e.Namespace)
	switch {
	case e.Ready == metav1.ConditionFalse:
		return name + " is not Ready: " + e.Reason
	case e.Ready == metav1.ConditionUnknown:
		return "It is not known whether " + name + " is Ready: " + e.Reason
	case len(e.Findings) > 0:
		return name + " is Ready, and there is something to do"
	case len(e.Unknown) > 0:
		return name + " is Ready: everything that is known is fine"
	}
	return name + " is Ready: everything is fine"
}

func (e Explanation) tone() printer.Tone {
	if e.Ready == metav1.ConditionTrue && len(e.Findings) > 0 {
		return printer.Uncertain
	}
	return tones[e.Ready]
}
