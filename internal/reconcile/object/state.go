// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package object

import (
	"slices"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/contract"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/outcome"
	"github.com/stanzaflow/stanzaflow/internal/translate/drill"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// State is everything that one pass has read of a cluster. Nothing changes it
// after that.
type State struct {
	Key types.NamespacedName
	// Postgresql is nil if it does not exist or is being deleted.
	Postgresql *unstructured.Unstructured
	// Released: the operator gives every cluster back, whatever its Stanza says.
	Released bool
	// ArgoCD: Argo CD is to show the CronWorkflows in the application of the cluster.
	ArgoCD bool
	// Window is that of the clusters for which nobody sets one, zero for none.
	Window time.Duration
	// StartOverdue is that of the clusters whose Stanza does not say it.
	StartOverdue bool
	// Stanza is nil if it does not exist.
	Stanza *stanzaflowv1alpha1.Stanza
	// Taken are the locations of the cluster that others had first, as
	// translate.TakenLocations returns them.
	Taken map[string]string
	// CPOInstalled: CPO is installed in this Kubernetes cluster.
	CPOInstalled bool
	// CPO is the configuration of the CPO beside which the operator works, that of its
	// defaults in mode standalone.
	CPO cpo.OperatorConfiguration
	// Undecided says why it is not known which configuration that is. Then nobody knows
	// what belongs to the cluster, and nothing of it is touched.
	Undecided string
	// ArgoInstalled: Argo's kinds are served. If not, Template, CronWorkflows and
	// Workflows are empty, and that means nothing.
	ArgoInstalled bool
	Template      Template
	// Drill is what is known for the drills. Zero unless the Stanza asks for some.
	Drill Drill
	// Objects of ours for this cluster.
	Objects Objects
	// Foreign has the ID of every planned object whose name another owner uses.
	Foreign map[string]bool
	// CronJobs with which CPO makes backups of this cluster, sorted by name. None in
	// mode standalone.
	CronJobs []CronJob
	// Workflows with the label of this cluster, of every kind of run, however
	// they were started.
	Workflows []*wfv1.Workflow
}

// Suspended reports whether the Stanza suspends every schedule.
func (s State) Suspended() bool { return s.Stanza != nil && s.Stanza.Spec.Suspend }

// Managed reports whether the operator makes the backups of the cluster.
func (s State) Managed() bool {
	return !s.Released && (s.Stanza == nil || s.Stanza.Spec.Managed == nil || *s.Stanza.Spec.Managed)
}

// Claim is what CPO claims of the cluster, nothing without a postgresql.
func (s State) Claim() cpo.Claim {
	if s.Postgresql == nil {
		return cpo.Claim{}
	}
	return cpo.ClaimOn(s.Postgresql.Object, s.CPOInstalled)
}

// Backups are the Workflows that make a backup. A run of another kind is not
// counted as one.
func (s State) Backups() []*wfv1.Workflow {
	return slices.DeleteFunc(slices.Clone(s.Workflows), func(workflow *wfv1.Workflow) bool {
		return outcome.KindOf(workflow) != vocab.RunBackup
	})
}

// Template is the WorkflowTemplate that the schedules refer to.
type Template struct {
	Name  string
	Found bool
	// Version is "<uid>.<generation>".
	Version string
	// Contract is the value of its label vocab.LabelContract.
	Contract string
	// Window is the value of its annotation vocab.AnnotationWindow, nil without one.
	Window *string
	// Findings are what is missing or wrong in it, as contract.Check says it.
	Findings []string
	// MissingAccount is the ServiceAccount of its pods if that does not exist.
	MissingAccount string
	// UnknownAccount is the ServiceAccount of its pods if the operator may not ask.
	UnknownAccount string
	// MissingCaps say which caps it names without a number of slots: the ConfigMap, the key
	// or the number is missing.
	MissingCaps []string
	// UnknownCaps are those whose ConfigMap the operator may not read.
	UnknownCaps []string
	// OtherImage is the image of its steps if that is of another release than the
	// operator, and has been for a while. Age says which of them is older.
	OtherImage string
	Age        contract.Age
	// Wake is when to look again, zero if never.
	Wake time.Time
}

// Drill is what is known for the drills of a cluster.
type Drill struct {
	// Template is the WorkflowTemplate of the drills.
	Template Template
	// Observed is what their plan depends on.
	Observed drill.Observed
	// Retained is the StorageClass of their volumes if it keeps a volume that is deleted.
	Retained string
	// Forbidden says what the operator may not read of it.
	Forbidden []string
	// Wake is when to look again, zero if never.
	Wake time.Time
}

// Usable reports whether runs of the template can work: schedules are programmed and
// triggers start runs only with such a template.
func (t Template) Usable() bool {
	return t.keeps(vocab.TemplateContract)
}

// Usable reports whether the template of the drills can run one.
func (d Drill) Usable() bool { return d.Template.keeps(vocab.DrillContract) }

func (t Template) keeps(contract string) bool {
	return t.Found && t.Contract == contract && len(t.Findings) == 0 && t.MissingAccount == "" && len(t.MissingCaps) == 0
}

// Objects holds objects by kind, sorted by name. Every kind in it is in the
// table of kinds.
type Objects map[schema.GroupVersionKind][]*unstructured.Unstructured

// Set replaces the objects of a kind.
func (o Objects) Set(kind schema.GroupVersionKind, objects []*unstructured.Unstructured) {
	sortByName(objects)
	o[KindOf(kind).GVK] = objects
}

// Add adds one object.
func (o Objects) Add(object *unstructured.Unstructured) {
	kind := object.GroupVersionKind()
	o.Set(kind, append(slices.Clone(o[kind]), object))
}

// Find returns the object of a kind and a name, nil if there is none.
func (o Objects) Find(kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	return ByName(o[KindOf(kind).GVK])[name]
}

// ID names an object in a message.
func ID(object *unstructured.Unstructured) string {
	return object.GetKind() + " " + object.GetName()
}

// ByName indexes objects of one kind.
func ByName(objects []*unstructured.Unstructured) map[string]*unstructured.Unstructured {
	index := make(map[string]*unstructured.Unstructured, len(objects))
	for _, object := range objects {
		index[object.GetName()] = object
	}
	return index
}

// sortByName sorts objects of one kind.
func sortByName(objects []*unstructured.Unstructured) {
	slices.SortFunc(objects, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
}

// Owned reports whether an object is managed by us for one cluster.
func Owned(object *unstructured.Unstructured, cluster string) bool {
	return Contains(object.GetLabels(), Labels(cluster))
}

// Labels are on every object of ours for a cluster.
func Labels(cluster string) map[string]string {
	return map[string]string{vocab.LabelManagedBy: vocab.ManagedBy, vocab.LabelCluster: cluster}
}

// Managed are the labels of every object of ours.
func Managed() map[string]string { return map[string]string{vocab.LabelManagedBy: vocab.ManagedBy} }

// Contains reports whether all labels or annotations in some are in all.
func Contains(all, some map[string]string) bool {
	for k, v := range some {
		if got, ok := all[k]; !ok || got != v {
			return false
		}
	}
	return true
}
