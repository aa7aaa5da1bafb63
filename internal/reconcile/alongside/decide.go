// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package alongside

import (
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/object"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// grace is how long a CronWorkflow may be unable to make backups before CPO gets
// the schedule back. A template that is replaced, or an Argo that is upgraded, is
// back sooner.
const grace = 10 * time.Minute

// Handover is what is to be done about one CronJob of CPO.
type Handover struct {
	// Status of the CronJob.
	Status stanzaflowv1alpha1.CronJobStatus
	// Reason is why CPO has the schedule, empty while we have it.
	Reason vocab.Reason
	// CronWorkflow that makes the same backups, empty if none is planned.
	CronWorkflow string
	// Hold: the CronWorkflow must not start runs.
	Hold bool
	// Pending: the CronJob is to be given back and is not yet. Until then the
	// CronWorkflow must stay: its runs say which slots it had.
	Pending bool
	// Actions, and when to look again.
	Actions []object.Action
	Wake    time.Time
}

// Decide returns a Handover for each CronJob of a cluster, in their order.
func Decide(state object.State, planned object.Planned, now time.Time) []Handover {
	before := map[string]stanzaflowv1alpha1.CronJobStatus{}
	if state.Stanza != nil {
		for _, entry := range state.Stanza.Status.CronJobs {
			before[entry.UID] = entry
		}
	}
	handovers := make([]Handover, 0, len(state.CronJobs))
	for _, cronJob := range state.CronJobs {
		d := &decision{state: state, cronJob: cronJob, before: before[string(cronJob.UID)], now: now}
		d.Status = stanzaflowv1alpha1.CronJobStatus{
			Name: cronJob.Name, UID: string(cronJob.UID), Repo: cronJob.Repo, Type: cronJob.Type, Owner: ownerOf(cronJob),
		}
		if cronJob.Suspended && !cronJob.SuspendTime.IsZero() {
			d.Status.SuspendedTime = new(metav1.NewTime(cronJob.SuspendTime))
		}
		d.find(planned)
		d.decide()
		handovers = append(handovers, d.Handover)
	}
	return handovers
}

func ownerOf(cronJob object.CronJob) stanzaflowv1alpha1.CronJobOwner {
	switch {
	case cronJob.SuspendedByUs():
		return stanzaflowv1alpha1.OwnerStanzaflow
	case cronJob.Suspended:
		return stanzaflowv1alpha1.OwnerUser
	}
	return stanzaflowv1alpha1.OwnerCPO
}

// decision is a Handover that is being decided.
type decision struct {
	Handover

	state   object.State
	cronJob object.CronJob
	before  stanzaflowv1alpha1.CronJobStatus
	now     time.Time
	// want is the planned CronWorkflow for the same backups, have the existing one.
	// Each is nil if there is none.
	want, have *unstructured.Unstructured
	// kept: a Problem keeps the existing one.
	kept bool
}

// find finds the CronWorkflow that makes the same backups. The repo and the type
// identify it.
func (d *decision) find(planned object.Planned) {
	same := func(o *unstructured.Unstructured) bool {
		labels := o.GetLabels()
		return d.cronJob.Repo != "" && labels[vocab.LabelRepo] == d.cronJob.Repo && labels[vocab.LabelType] == d.cronJob.Type
	}
	for _, o := range planned.CronWorkflows {
		if same(o) {
			d.want, d.CronWorkflow = o, o.GetName()
		}
	}
	for _, o := range d.state.Objects[object.CronWorkflow] {
		if same(o) && (d.want == nil || o.GetName() == d.want.GetName()) {
			d.have, d.CronWorkflow = o, o.GetName()
			d.kept = planned.Plan.Keep.CronWorkflow(o.GetName())
		}
	}
}

func (d *decision) decide() {
	switch {
	case d.cronJob.Repo == "":
		d.leave("its command names no repo and type that are known, so it is left alone")
	case d.cronJob.Deleting, d.state.Postgresql == nil:
	case !d.state.Managed():
		d.giveBack("", "")
	case d.want == nil && !d.kept && d.asked():
		// An empty expression is a schedule to CPO.
		d.giveBack(vocab.ReasonLeftToCPO, "Stanzaflow has no schedule for this backup")
	case d.want == nil && !d.kept:
		d.leave("the postgresql asks for no such backup; CPO deletes the CronJob when it next synchronizes the cluster")
	case d.cronJob.Suspended:
		d.keep()
	default:
		d.take()
	}
}

// asked reports whether the resource has a schedule for these backups, with whatever
// expression.
func (d *decision) asked() bool {
	cluster, _ := cpo.Decode(d.state.Postgresql.Object)
	return cluster.PgBackRest != nil && cluster.PgBackRest.Asks(d.cronJob.Repo, d.cronJob.Type)
}

// leave lets CPO have the schedule, if it has it.
func (d *decision) leave(message string) {
	if d.Status.Owner == stanzaflowv1alpha1.OwnerCPO {
		d.Status.Message = message
	}
}

// keep decides about a CronJob that is suspended: our CronWorkflow makes the
// backups as long as it can. A CronJob that a user suspended stays so.
func (d *decision) keep() {
	why := d.unhealthy()
	if d.Status.Owner == stanzaflowv1alpha1.OwnerUser {
		d.Status.Message = fmt.Sprintf("suspended by %s; the operator never resumes it", cmp.Or(d.cronJob.SuspendManager, "CPO"))
		return
	}
	if why == "" {
		return
	}
	since := d.now
	if d.before.UnhealthyTime != nil {
		since = d.before.UnhealthyTime.Time
	}
	d.Status.UnhealthyTime = new(metav1.NewTime(since).Rfc3339Copy())
	if due := since.Add(grace); due.After(d.now) {
		d.Status.Message = why + "; if it stays so, CPO gets the schedule back"
		d.Wake = due
		return
	}
	d.giveBack(vocab.ReasonGivenBack, why)
}

// take decides about a CronJob that is not suspended: CPO has the schedule until
// our CronWorkflow can make the backups, and the moment is good.
func (d *decision) take() {
	d.liftDeadline()
	if manager := d.resumer(); manager != "" {
		d.Reason, d.Hold = vocab.ReasonLeftToCPO, true
		d.Status.Message = fmt.Sprintf("resumed by %s, so CPO makes the backups; to let Stanzaflow make them, suspend it", manager)
		d.Status.SuspendedTime = d.before.SuspendedTime
		return
	}
	if why := d.unhealthy(); why != "" {
		d.Reason, d.Hold = vocab.ReasonTakingOver, d.have != nil
		if d.before.UnhealthyTime != nil || d.have != nil {
			d.Reason = vocab.ReasonGivenBack
		}
		d.Status.UnhealthyTime = d.before.UnhealthyTime
		d.Status.Message = why + "; meanwhile CPO makes the backups"
		d.holdIdle()
		return
	}
	d.Reason = vocab.ReasonTakingOver
	var why string
	if why, d.Wake = d.waitsFor(); why != "" {
		d.Status.Message = why
		return
	}
	d.Status.Message = "CronWorkflow " + d.CronWorkflow + " takes over the schedule"
	d.add(object.Action{Verb: object.TakeOver, Want: d.have, Have: d.cronJob.Object(), Wake: d.now.Add(settle)})
}

// resumer is who has resumed the CronJob, empty if nobody has but us. CPO does not; if
// it did after we had suspended it, the two operators would undo each other's work.
func (d *decision) resumer() string {
	switch manager := d.cronJob.SuspendManager; {
	case manager == vocab.FieldManager:
		return ""
	case manager == "" && d.before.SuspendedTime != nil:
		return "CPO"
	default:
		return manager
	}
}

// giveBack decides about a CronJob whose backups our CronWorkflow does not make. It
// is resumed after our last run.
func (d *decision) giveBack(reason vocab.Reason, why string) {
	d.Hold = d.have != nil
	d.Reason, d.Status.Message = reason, why
	if !d.cronJob.SuspendedByUs() {
		d.liftDeadline()
		return
	}
	d.Pending = true
	d.holdIdle()
	settled, drained := d.drained()
	if !drained {
		d.Status.Message = "CPO gets the schedule back when the runs of CronWorkflow " + d.CronWorkflow + " have ended"
		d.Wake = settled
		return
	}
	deadline, wait := d.deadline()
	if !wait.IsZero() {
		d.Status.Message, d.Wake = "CPO gets the schedule back soon", wait
		return
	}
	back := object.Action{Verb: object.GiveBack, Want: d.have, Have: d.cronJob.Object(), Deadline: deadline, Lift: deadline == 0 && d.cronJob.DeadlineByUs(), Wake: d.now.Add(settle)}
	if back.Want == nil {
		back.Want = missing(d.state, d.cronJob)
	}
	d.add(back)
}

func (d *decision) add(action object.Action) { d.Actions = append(d.Actions, action) }

// missing stands for a CronWorkflow that does not exist.
func missing(state object.State, cronJob object.CronJob) *unstructured.Unstructured {
	o := object.New(object.CronWorkflow)
	o.SetNamespace(state.Key.Namespace)
	o.SetName(cronJob.Name)
	o.SetLabels(map[string]string{vocab.LabelCluster: state.Key.Name, vocab.LabelRepo: cronJob.Repo, vocab.LabelType: cronJob.Type})
	return o
}
