// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"cmp"
	"fmt"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// kept is a contract that a template may keep.
type kept struct {
	value    string
	check    func(*wfv1.WorkflowTemplate) []string
	sentence func([]string) string
}

var (
	watchContract = kept{vocab.WatchContract, contract.CheckWatch, contract.WatchSentence}
	drillContract = kept{vocab.DrillContract, contract.CheckDrill, contract.DrillSentence}
	runContract   = kept{vocab.TemplateContract, contract.Check, contract.Sentence}
)

// contractOf is the contract that a template of a bundle must keep. A template without a
// contract and with a name of its own is somebody's, and none of ours.
func contractOf(object *unstructured.Unstructured) (kept, bool) {
	switch object.GetName() {
	case vocab.WatchTemplate:
		return watchContract, true
	case vocab.DrillTemplate:
		return drillContract, true
	case vocab.DefaultWorkflowTemplate:
		return runContract, true
	}
	return runContract, object.GetLabels()[vocab.LabelContract] != ""
}

// findBrokenContracts says which templates the operator of this release would not use. It
// is better known before they are in 200 namespaces.
func findBrokenContracts(objects []*unstructured.Unstructured) []string {
	var wrong []string
	templates := 0
	for _, object := range objects {
		if object.GetKind() != kindTemplate {
			continue
		}
		templates++
		if of, ok := contractOf(object); ok {
			if sentence := breaks(object, of); sentence != "" {
				wrong = append(wrong, nameOf(object)+" "+sentence)
			}
		}
	}
	if templates == 0 {
		return []string{"there is no WorkflowTemplate in it"}
	}
	return wrong
}

func breaks(object *unstructured.Unstructured, of kept) string {
	if found := object.GetLabels()[vocab.LabelContract]; found != of.value {
		return fmt.Sprintf("has label %s=%s, and this program is for %s: take both of one release", vocab.LabelContract, cmp.Or(found, "(none)"), of.value)
	}
	template := &wfv1.WorkflowTemplate{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, template); err != nil {
		return "cannot be read by Argo: " + err.Error()
	}
	if findings := of.check(template); len(findings) > 0 {
		return of.sentence(findings)
	}
	return ""
}
