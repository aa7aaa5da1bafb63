// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"
	"strings"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// programmed lists what is wrong, or else what only takes its time. Status True
// with another reason than Programmed means that everything planned exists, and
// that there is something to wait for or to know.
func programmed(p Pass, status stanzaflowv1alpha1.StanzaStatus) metav1.Condition {
	certificate, expired := findCertificate(p, status.Certificate)
	findings := slices.Concat(findClaim(p), findUndecided(p), findArgo(p), findTemplate(p), findDrills(p), p.Skew.Wrong, findForeign(p), findMismatches(p), findFailures(p), findVerdicts(p), findHandovers(p, vocab.ReasonGivenBack, vocab.ReasonLeftToCPO))
	if expired {
		findings = append(findings, certificate...)
	}
	if len(findings) > 0 {
		return condition(vocab.ConditionProgrammed, metav1.ConditionFalse, findings[0].Reason, messages(findings)...)
	}
	var notes []Finding
	for _, cronWorkflow := range p.Done.Draining {
		notes = append(notes, Finding{vocab.ReasonDraining, object.ID(cronWorkflow) + " is suspended and will be deleted when its runs have ended"})
	}
	notes = append(notes, findHandovers(p, vocab.ReasonTakingOver)...)
	notes = append(notes, certificate...)
	notes = append(notes, noteTemplate(p)...)
	notes = append(notes, noteDrills(p)...)
	notes = append(notes, p.Skew.Notes...)
	notes = append(notes, noteReleases(p)...)
	if len(notes) > 0 {
		return condition(vocab.ConditionProgrammed, metav1.ConditionTrue, notes[0].Reason, messages(notes)...)
	}
	return condition(vocab.ConditionProgrammed, metav1.ConditionTrue, vocab.ReasonProgrammed, "Everything planned is in place")
}

func messages(findings []Finding) []string {
	texts := make([]string, 0, len(findings))
	for _, f := range findings {
		texts = append(texts, f.Message)
	}
	return texts
}

func findArgo(p Pass) []Finding {
	missing := !p.State.ArgoInstalled
	for _, f := range p.Done.Failures {
		missing = missing || f.Missing() == object.Argo
	}
	if !missing || p.State.Postgresql == nil {
		return nil
	}
	return []Finding{{
		vocab.ReasonArgoNotInstalled,
		"The resources of Argo Workflows (" + wfv1.SchemeGroupVersion.String() + ") are not installed; install Argo Workflows",
	}}
}

func findForeign(p Pass) []Finding {
	var foreign []*unstructured.Unstructured
	for _, action := range object.With(p.Actions, object.Refuse) {
		foreign = append(foreign, action.Want)
	}
	var findings []Finding
	var ofCPO []string
	for _, o := range append(foreign, p.Done.Refused...) {
		if perhapsOfCPO(o, p.State) {
			ofCPO = append(ofCPO, object.ID(o))
			continue
		}
		findings = append(findings, Finding{
			vocab.ReasonNotOwned,
			object.ID(o) + " exists and is not managed by " + vocab.ManagedBy + " for this cluster; " + handOver(o, p.State.Key.Name),
		})
	}
	// After CPO there are several of them, and one way to take them over.
	if len(ofCPO) > 0 {
		findings = append(findings, Finding{
			vocab.ReasonNotOwned,
			"these exist, are not managed by " + vocab.ManagedBy + " for this cluster and may be CPO's: " + strings.Join(ofCPO, ", ") +
				"; leave them, and see docs/cpo.md, From CPO to standalone, for how to take them over",
		})
	}
	return findings
}

// perhapsOfCPO reports whether an object that is not ours may be CPO's, which may
// still use it. It is then not to be removed or labelled by itself. CPO makes none of
// the kinds that need other software, no ConfigMap of drills, and nothing in the namespace of the operator.
func perhapsOfCPO(foreign *unstructured.Unstructured, state object.State) bool {
	return (state.CPOInstalled || state.Claim().Touched) && !strings.HasSuffix(foreign.GetName(), vocab.DrillConfigSuffix) &&
		object.KindOf(foreign.GroupVersionKind()).Needs == "" && foreign.GetNamespace() == state.Key.Namespace
}

// handOver says what to do about an object that is not ours. A claim may hold
// backups, so no message may ask anybody to remove one.
func handOver(foreign *unstructured.Unstructured, cluster string) string {
	if object.KindOf(foreign.GroupVersionKind()).HoldsBackups {
		return fmt.Sprintf("if it holds the backups of this cluster, hand it over: kubectl label pvc -n %s %s %s=%s %s=%s",
			foreign.GetNamespace(), foreign.GetName(), vocab.LabelManagedBy, vocab.ManagedBy, vocab.LabelCluster, cluster)
	}
	return "remove it, or rename the cluster"
}

func findMismatches(p Pass) []Finding {
	var findings []Finding
	for _, action := range object.With(p.Actions, object.Mismatch) {
		findings = append(findings, Finding{vocab.ReasonVolumeClaimMismatch, action.Text})
	}
	return findings
}

func findFailures(p Pass) []Finding {
	var findings []Finding
	for _, f := range p.Done.Failures {
		switch missing := f.Missing(); {
		case f.Minor, object.Quiet(f.Err), missing == object.Argo:
		case missing == object.CertManager:
			findings = append(findings, Finding{
				vocab.ReasonCertManagerNotInstalled,
				"the Stanza names an issuer, but the resources of cert-manager (" + object.Certificate.GroupVersion().String() +
					") are not installed; install cert-manager, or remove spec.certificate.issuerRef",
			})
		default:
			findings = append(findings, Finding{vocab.ReasonApplyFailed, "cannot " + f.What + ": " + object.Plain(f.Err)})
		}
	}
	return findings
}

// findVerdicts lists what Argo says of the CronWorkflows that it has read.
func findVerdicts(p Pass) []Finding {
	var findings []Finding
	for _, cronWorkflow := range p.Done.InForce {
		if verdict := object.Verdict(cronWorkflow); verdict != "" {
			findings = append(findings, Finding{vocab.ReasonRejectedByArgo, fmt.Sprintf("Argo does not run %s: %s", object.ID(cronWorkflow), verdict)})
		}
	}
	return findings
}
