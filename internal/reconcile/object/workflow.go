// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

const (
	fieldStatus   = "status"
	fieldSuspend  = "suspend"
	fieldPriority = "priority"
)

// LabelCronWorkflow is Argo's, on every Workflow that a CronWorkflow started.
const LabelCronWorkflow = "workflows.argoproj.io/cron-workflow"

// Suspended reports whether a CronWorkflow starts no runs.
func Suspended(cronWorkflow *unstructured.Unstructured) bool {
	suspend, _, _ := unstructured.NestedBool(cronWorkflow.Object, FieldSpec, fieldSuspend)
	return suspend
}

// SuspendedBy is the field manager of somebody else who has suspended a CronWorkflow, such
// as the Argo UI. It is empty if nobody has, and if we have. Where the schema of the CRD
// does not go into detail, whoever wrote the spec last has.
func SuspendedBy(cronWorkflow *unstructured.Unstructured) string {
	if !Suspended(cronWorkflow) {
		return ""
	}
	for _, entry := range cronWorkflow.GetManagedFields() {
		var fields struct {
			Spec map[string]any `json:"f:spec"`
		}
		if entry.FieldsV1 == nil || entry.Manager == vocab.FieldManager || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil || fields.Spec == nil {
			continue
		}
		if _, owns := fields.Spec["f:"+fieldSuspend]; owns || len(fields.Spec) == 0 {
			return entry.Manager
		}
	}
	return ""
}

// AsSuspended returns a CronWorkflow that starts no runs.
func AsSuspended(cronWorkflow *unstructured.Unstructured) *unstructured.Unstructured {
	suspended := cronWorkflow.DeepCopy()
	if err := unstructured.SetNestedField(suspended.Object, true, FieldSpec, fieldSuspend); err != nil {
		panic(err) // its spec is an object
	}
	return suspended
}

// Verdict is why Argo does not run a CronWorkflow that it has read, empty if it
// does.
func Verdict(cronWorkflow *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(cronWorkflow.Object, fieldStatus, "conditions")
	for _, c := range conditions {
		verdict, ok := c.(map[string]any)
		if ok && verdict["status"] == "True" &&
			(verdict["type"] == string(wfv1.ConditionTypeSpecError) || verdict["type"] == string(wfv1.ConditionTypeSubmissionError)) {
			return fmt.Sprint(verdict["message"])
		}
	}
	return ""
}

// Busy reports whether a CronWorkflow has an unfinished run: one that Argo would
// delete with it, or one by hand of the same repo and type, which may have been
// started from it.
func Busy(workflows []*wfv1.Workflow, cronWorkflow *unstructured.Unstructured) bool {
	return slices.ContainsFunc(workflows, func(workflow *wfv1.Workflow) bool {
		return outcome.Running(workflow) && belongsTo(workflow, cronWorkflow)
	})
}

func belongsTo(workflow *wfv1.Workflow, cronWorkflow *unstructured.Unstructured) bool {
	labels, of := workflow.Labels, cronWorkflow.GetLabels()
	if drill := outcome.KindOf(workflow) == vocab.RunDrill; drill || OfDrill(cronWorkflow) {
		return StartedBy(workflow, cronWorkflow) || drill && OfDrill(cronWorkflow) && labels[vocab.LabelDrill] == of[vocab.LabelDrill]
	}
	return StartedBy(workflow, cronWorkflow) ||
		labels[vocab.LabelRepo] == of[vocab.LabelRepo] && labels[vocab.LabelType] == of[vocab.LabelType]
}

// StartedBy reports whether a CronWorkflow started a Workflow, by its schedule
// or by hand.
func StartedBy(workflow *wfv1.Workflow, cronWorkflow *unstructured.Unstructured) bool {
	for _, owner := range workflow.OwnerReferences {
		if owner.Kind == CronWorkflow.Kind && owner.Name == cronWorkflow.GetName() {
			return true
		}
	}
	return workflow.Labels[LabelCronWorkflow] == cronWorkflow.GetName()
}

// DecodeWorkflow reads what we need of a Workflow. Where the minimal CRDs are
// installed, a Workflow may hold anything. One that cannot be read keeps its
// name, its labels and its phase, so at worst it ends as Unknown.
func DecodeWorkflow(object *unstructured.Unstructured) *wfv1.Workflow {
	workflow := &wfv1.Workflow{}
	part := map[string]any{FieldMetadata: object.Object[FieldMetadata], fieldStatus: object.Object[fieldStatus], FieldSpec: specOf(object)}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(part, workflow); err == nil {
		return workflow
	}
	phase, _, _ := unstructured.NestedString(object.Object, fieldStatus, "phase")
	workflow = &wfv1.Workflow{}
	workflow.Name, workflow.Namespace, workflow.UID = object.GetName(), object.GetNamespace(), object.GetUID()
	workflow.Labels, workflow.OwnerReferences = object.GetLabels(), object.GetOwnerReferences()
	workflow.Annotations, workflow.ResourceVersion = object.GetAnnotations(), object.GetResourceVersion()
	workflow.CreationTimestamp, workflow.DeletionTimestamp = object.GetCreationTimestamp(), object.GetDeletionTimestamp()
	workflow.Status.Phase = wfv1.WorkflowPhase(phase)
	return workflow
}

// WaitOf returns what the run of a Workflow waits for, nil if it waits for nothing. Most
// Workflows are over, and cost a look at their phase.
func WaitOf(object *unstructured.Unstructured) *outcome.Wait {
	phase, _, _ := unstructured.NestedString(object.Object, fieldStatus, "phase")
	if wfv1.WorkflowPhase(phase).Completed() {
		return nil
	}
	return outcome.FindWait(DecodeWorkflow(object))
}

// specOf is the part of the spec of a Workflow that we read, nil if it has none.
func specOf(workflow *unstructured.Unstructured) map[string]any {
	var part map[string]any
	for _, name := range []string{fieldPriority, fieldSuspend} {
		if value, found, _ := unstructured.NestedFieldNoCopy(workflow.Object, FieldSpec, name); found {
			if part == nil {
				part = map[string]any{}
			}
			part[name] = value
		}
	}
	return part
}

// DecodeWorkflows reads what we need of several.
func DecodeWorkflows(objects []*unstructured.Unstructured) []*wfv1.Workflow {
	workflows := make([]*wfv1.Workflow, 0, len(objects))
	for _, object := range objects {
		workflows = append(workflows, DecodeWorkflow(object))
	}
	return workflows
}

// OfWatch reports whether an object is a run of the watch, or starts it. It belongs to all
// clusters of its namespace.
func OfWatch(object metav1.Object) bool {
	labels := object.GetLabels()
	cluster, labelled := labels[vocab.LabelCluster]
	return labelled && cluster == "" && labels[vocab.LabelKind] == string(vocab.RunWatch)
}

// OfDrill reports whether an object is a drill, or starts one.
func OfDrill(object metav1.Object) bool {
	return object.GetLabels()[vocab.LabelKind] == string(vocab.RunDrill)
}

// Fields of a Workflow that say how it ended, and what it waits for.
var (
	runFields      = []string{"phase", "startedAt", "finishedAt", "outputs"}
	changeFields   = slices.Concat(runFields, []string{"progress"})
	workflowStatus = slices.Concat(changeFields, []string{"message", "nodes", "synchronization"})
	workflowNode   = slices.Concat(runFields, []string{"message", "id", "name", "displayName", "templateName", "type", "children", "taskResultSynced", "synchronizationStatus"})
)

// TrimWorkflow removes what we do not read from a Workflow before it enters a
// cache: its specs and templates are most of its size. The report of a watch is long, and
// its pod has it, too.
func TrimWorkflow(object any) (any, error) {
	workflow, ok := object.(*unstructured.Unstructured)
	if !ok {
		return object, nil
	}
	trimManagers(workflow)
	if part := specOf(workflow); part != nil {
		workflow.Object[FieldSpec] = part
	} else {
		delete(workflow.Object, FieldSpec)
	}
	if status, ok := workflow.Object[fieldStatus].(map[string]any); ok {
		keepOnly(status, workflowStatus)
		if nodes, ok := status["nodes"].(map[string]any); ok {
			for _, node := range nodes {
				if fields, ok := node.(map[string]any); ok {
					keepOnly(fields, workflowNode)
					if OfWatch(workflow) {
						delete(fields, "outputs")
					}
				}
			}
		}
	}
	return workflow, nil
}

func countedLabels(workflow *unstructured.Unstructured) map[string]string {
	labels := workflow.GetLabels() // a copy
	delete(labels, vocab.LabelResult)
	delete(labels, vocab.LabelArchiving)
	return labels
}

// trimManagers leaves of the managed fields who wrote the Workflow, and when.
func trimManagers(workflow *unstructured.Unstructured) {
	managers := workflow.GetManagedFields()
	for i := range managers {
		managers[i].FieldsV1 = nil
	}
	workflow.SetManagedFields(managers)
}

func keepOnly(object map[string]any, keys []string) {
	kept := make(map[string]any, len(keys))
	for _, key := range keys {
		if value, ok := object[key]; ok {
			kept[key] = value
		}
	}
	clear(object)
	maps.Copy(object, kept)
}

// RunChanged reports whether a change of a Workflow changes how it counts. Argo
// updates a running one every few seconds, and one that waits for a cap whenever it looks at
// it, with the holders in another order. How lists show it does not count, and the operator
// writes that itself.
func RunChanged(was, is *unstructured.Unstructured) bool {
	if !maps.Equal(countedLabels(was), countedLabels(is)) {
		return true
	}
	for _, field := range changeFields {
		a, _, _ := unstructured.NestedFieldNoCopy(was.Object, fieldStatus, field)
		b, _, _ := unstructured.NestedFieldNoCopy(is.Object, fieldStatus, field)
		if !equality.Semantic.DeepEqual(a, b) {
			return true
		}
	}
	before, after := DecodeWorkflow(was), DecodeWorkflow(is)
	return !outcome.FindWait(before).Equal(outcome.FindWait(after)) || !equality.Semantic.DeepEqual(before.Spec, after.Spec) ||
		!outcome.FindUnnoticed(before).Equal(outcome.FindUnnoticed(after)) || !outcome.FindPending(before).Equal(outcome.FindPending(after))
}
