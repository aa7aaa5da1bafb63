// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stanzaflow/stanzaflow/internal/gate"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// checkStanza refuses a Stanza that no schedule could run by. A gate that does
// not compile refuses nothing here: the runs fail closed and say so, and the
// Problem says it earlier. A certificate is for repos with storage pvc only.
func (t *translation) checkStanza() {
	spec := t.in.Stanza
	switch zone := spec.TimeZone; {
	case strings.Contains(zone, "{{"):
		t.stanzaProblem("spec.timeZone", vocab.ReasonTemplateExpression, "holds {{, which Argo would evaluate; remove it")
		t.refuseStanza()
	case !validZone(zone):
		t.stanzaProblem("spec.timeZone", vocab.ReasonInvalidTimeZone, "is not an IANA time zone such as Europe/Vienna")
		t.refuseStanza()
	}
	if name := spec.WorkflowTemplate; name != "" && len(validation.IsDNS1123Subdomain(name)) > 0 {
		t.stanzaProblem("spec.workflowTemplate", vocab.ReasonInvalidName, "is not the name of a WorkflowTemplate: lower-case letters, digits, - and . only")
		t.refuseStanza()
	}
	t.certificateAccepted = t.acceptsCertificate()
	if err := gate.Check(spec.Gate); err != nil {
		t.stanzaProblem("spec.gate", vocab.ReasonInvalidGate, "%v", err)
	}
}

// refuseStanza leaves every schedule as it was when the Stanza was good.
func (t *translation) refuseStanza() {
	t.stanzaRefused = true
	t.plan.Keep.Everything = true
}

// validZone: time.LoadLocation also knows Local and, where the machine has zone
// files, their aliases such as localtime, posixrules and right/Europe/Vienna.
// Those would mean the zone of whatever machine Argo runs on. IANA's names all
// start with a capital letter.
func validZone(zone string) bool {
	switch {
	case zone == "": // UTC
		return true
	case zone == "Local", zone[0] < 'A', zone[0] > 'Z':
		return false
	}
	_, err := time.LoadLocation(zone)
	return err == nil
}

// timeZone in which every schedule of the cluster is read.
func (t *translation) timeZone() string {
	if t.in.Stanza.TimeZone == "" {
		return "UTC"
	}
	return t.in.Stanza.TimeZone
}

// WorkflowTemplateName that the schedules of a Stanza refer to.
func WorkflowTemplateName(name string) string {
	if name == "" {
		return vocab.DefaultWorkflowTemplate
	}
	return name
}
