// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	wfv1 "github.com/argoproj/argo-workflows/v3/pkg/apis/workflow/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/run/report"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Run is one Workflow as the status shows it.
type Run struct {
	Kind   vocab.RunKind
	Status stanzaflowv1alpha1.RunStatus
	// Backup that the run has made and proven, nil unless its result is Succeeded. A
	// pre-deploy run makes none if there is a fresh one, and a run that only makes the
	// stanza never does.
	Backup *stanzaflowv1alpha1.BackupStatus
	// Predeploy is what a pre-deploy run has proven, without its RunStatus. Nil for any
	// other kind, and unless its result is Succeeded.
	Predeploy *stanzaflowv1alpha1.PredeployStatus
	// Repo is what the run has found in its repo, nil unless it has proven a
	// backup there.
	Repo *stanzaflowv1alpha1.RepoStatus
	// Drill is the name of the drill that a run is of, empty for one by hand that is none of
	// the Stanza. Tried is what a drill has done, also if it failed: its proof is the
	// result. Nil if it has not said so, and for any other kind.
	Drill string
	Tried *report.Drill
	// Wait is what a run waits for, nil if it waits for nothing.
	Wait *Wait
	// NotBegun: Argo has not looked at the Workflow yet, as while its controller is down, or
	// holds it back because of its parallelism.
	NotBegun bool
	// Suspended: somebody has suspended the Workflow, so Argo begins no step of it.
	Suspended bool
	// Wake is when to look again at a run whose pod has not started, or that waits for a
	// slot of a cap. Zero if that is not needed.
	Wake time.Time
	// CertificateEnd is when the certificate of CPO's repo host expires. Nil if the run
	// has not seen it.
	CertificateEnd *metav1.Time
	// Heartbeat that the run has written and archived, however it ended. Nil if it did not
	// get that far.
	Heartbeat *stanzaflowv1alpha1.RestorableStatus
}

// Stands reports whether a run that is not over does nothing, and nobody knows for how long:
// Argo has not begun it, it waits for a slot of a cap or for a lock that nobody gets, or
// somebody has suspended it.
func (run *Run) Stands() bool {
	return run.NotBegun || run.Suspended || run.Wait.ForCap() || run.Wait != nil && run.Wait.Trouble != ""
}

// Finished reports whether a run is over.
func Finished(r *stanzaflowv1alpha1.RunStatus) bool {
	return r != nil && r.Result != stanzaflowv1alpha1.RunRunning
}

// Running reports whether a Workflow may still work on a backup. The phase is
// Running until the exit handler is done too.
func Running(workflow *wfv1.Workflow) bool {
	return !workflow.Status.Phase.Completed()
}

// KindOf returns which kind of run a Workflow is. One without the label is a backup.
func KindOf(workflow *wfv1.Workflow) vocab.RunKind {
	return cmp.Or(vocab.RunKind(workflow.Labels[vocab.LabelKind]), vocab.RunBackup)
}

// triggerOf returns what started a run. A person has started one that is resubmitted,
// whatever it was resubmitted from.
func triggerOf(labels map[string]string) string {
	if labels[vocab.LabelResubmitted] != "" {
		return vocab.TriggerManual
	}
	return labels[vocab.LabelTrigger]
}

// ReadAll reads Workflows of any kind.
func ReadAll(workflows []*wfv1.Workflow, now time.Time) []Run {
	runs := make([]Run, 0, len(workflows))
	for _, workflow := range workflows {
		runs = append(runs, Read(workflow, now))
	}
	return runs
}

// Read returns what one Workflow says, and whether Argo should have ended it by now.
func Read(workflow *wfv1.Workflow, now time.Time) Run {
	labels := workflow.Labels
	run := Run{Kind: KindOf(workflow), Status: stanzaflowv1alpha1.RunStatus{
		Workflow:  workflow.Name,
		Repo:      labels[vocab.LabelRepo],
		Type:      labels[vocab.LabelType],
		Trigger:   triggerOf(labels),
		Result:    stanzaflowv1alpha1.RunRunning,
		StartTime: startTime(workflow),
	}}
	if run.Kind == vocab.RunDrill {
		run.Drill = labels[vocab.LabelDrill]
	}
	if Running(workflow) {
		FindUnnoticed(workflow).show(&run.Status, now)
		run.Wake = FindPending(workflow).show(&run.Status, now)
		if run.Wait = FindWait(workflow); run.Wait != nil {
			run.Status.WaitsFor = run.Wait.String()
		}
		run.NotBegun = run.Wait == nil && workflow.Status.Phase != wfv1.WorkflowRunning
		// That the pod of a drill does not start has a condition of its own.
		if message := standstill(workflow, run.Wait); message != "" && !strings.HasPrefix(run.Status.Message, neverStarted) {
			run.Status.Message = report.OneLine(message)
		}
		run.Suspended = suspended(workflow)
		if run.Kind == vocab.RunBackup {
			run.Status.Progress = progress(workflow, now)
		}
		return run
	}
	run.Status.FinishTime = finishTime(workflow)
	if run.Kind == vocab.RunRestorePlan {
		run.Status.Result, run.Status.Message = planned(workflow)
		return run
	}
	r, err := ReportOf(workflow)
	if err == nil {
		run.Status.Retention = retention(r)
		run.CertificateEnd = certificateEnd(r)
		if run.Kind == vocab.RunDrill {
			run.Tried, run.Status.Repo = r.Drill, r.Repo
		}
		run.Heartbeat = heartbeat(r, run.Status.FinishTime)
	}
	if workflow.Status.Phase != wfv1.WorkflowSucceeded {
		run.Status.Result, run.Status.Message = failure(workflow, r, err)
		return run
	}
	switch {
	case err != nil:
		run.Status.Result = stanzaflowv1alpha1.RunUnknown
		run.Status.Message = oneLine("The Workflow succeeded, but %v, so %s", err, unproven(run.Kind))
	case r.Result != stanzaflowv1alpha1.RunSucceeded:
		run.Status.Result = stanzaflowv1alpha1.RunUnknown
		run.Status.Message = oneLine("The Workflow succeeded, but its report says %s in step %s, so %s: %s", r.Result, r.Step, unproven(run.Kind), r.Message)
	default:
		run.Status.Result = stanzaflowv1alpha1.RunSucceeded
		run.prove(r)
		if r.Retention != nil && r.Retention.Failed {
			run.Status.Message = oneLine("The backup is good, but expire failed: %s", r.Retention.Message)
		}
	}
	return run
}

// unproven says what is not proven by a run that does not say what became of it.
func unproven(kind vocab.RunKind) string {
	if kind == vocab.RunDrill {
		return "nothing is proven"
	}
	return "no backup is proven"
}

// progressAfter is how long a run works until its progress is worth a write.
const progressAfter = time.Minute

// progress is how far a running backup is, as Argo shows it. It is empty for a short one,
// and while nothing is copied.
func progress(workflow *wfv1.Workflow, now time.Time) string {
	done, total, found := strings.Cut(string(workflow.Status.Progress), "/")
	n, err := strconv.ParseInt(done, 10, 32)
	m, errTotal := strconv.ParseInt(total, 10, 32)
	if !found || err != nil || errTotal != nil || n <= 0 || n > m || workflow.Status.StartedAt.IsZero() || now.Sub(workflow.Status.StartedAt.Time) < progressAfter {
		return ""
	}
	return strconv.FormatInt(n*100/m, 10) + "%"
}

// prove takes over what a report of its own kind proves.
func (run *Run) prove(r report.Report) {
	if p := r.Predeploy; p != nil {
		run.Predeploy = &stanzaflowv1alpha1.PredeployStatus{
			RestorePoint: p.RestorePoint, RestorePointTime: new(metav1.NewTime(p.Time).Rfc3339Copy()), Label: r.Backup.Label,
		}
	}
	if r.Backup == nil || run.Kind == vocab.RunStanza || r.Predeploy != nil && r.Predeploy.Reused {
		return
	}
	run.Backup = backup(run.Status, r.Backup)
	run.Repo = repo(run.Backup, r.Backup)
}

// failure returns how a Workflow that did not succeed ended. Its report may say
// Failed or Held. The phase overrules anything else, above all Succeeded.
func failure(workflow *wfv1.Workflow, r report.Report, err error) (stanzaflowv1alpha1.RunResult, string) {
	result := stanzaflowv1alpha1.RunFailed
	if err == nil && r.Result == stanzaflowv1alpha1.RunHeld {
		result = stanzaflowv1alpha1.RunHeld
	}
	said := ""
	if err == nil && (r.Result == stanzaflowv1alpha1.RunFailed || r.Result == stanzaflowv1alpha1.RunHeld) {
		said = r.Message
	}
	// If Argo ended the run, its report is at best that of an attempt before.
	if end := ending(workflow); end != "" && result == stanzaflowv1alpha1.RunFailed {
		if said != "" {
			end += "; its last report: " + said
		}
		return result, report.OneLine(end)
	}
	return result, report.OneLine(cmp.Or(said, workflowMessage(workflow)))
}

// checkOwner refuses a report of another run: anybody can write the labels of a
// Workflow, and a report may be copied.
func checkOwner(workflow *wfv1.Workflow, r report.Report) error {
	if r.Run != string(workflow.UID) {
		return fmt.Errorf("its report is of another run")
	}
	if kind := KindOf(workflow); r.Kind != kind {
		return fmt.Errorf("its report is of a %s, and the run is a %s", r.Kind, kind)
	}
	labels := workflow.Labels
	if KindOf(workflow) == vocab.RunDrill {
		// Its repo is that of the drill, or of the plan, and it has no type.
		if r.Cluster != labels[vocab.LabelCluster] {
			return fmt.Errorf("its report is of cluster %s", r.Cluster)
		}
		return nil
	}
	if r.Cluster != labels[vocab.LabelCluster] || r.Repo != labels[vocab.LabelRepo] || r.Type != labels[vocab.LabelType] {
		return fmt.Errorf("its report is of %s of %s of cluster %s", r.Type, r.Repo, r.Cluster)
	}
	if b := r.Backup; b != nil && (b.Start.IsZero() || b.Stop.IsZero()) {
		return fmt.Errorf("its report does not say when the backup was made")
	}
	return nil
}

func retention(r report.Report) string {
	switch {
	case r.Retention == nil:
		return ""
	case r.Retention.Failed:
		return vocab.RetentionFailed
	}
	return vocab.RetentionSucceeded
}

func certificateEnd(r report.Report) *metav1.Time {
	if r.CertificateEnd == nil || r.CertificateEnd.IsZero() {
		return nil
	}
	return new(metav1.NewTime(*r.CertificateEnd).Rfc3339Copy())
}

func backup(run stanzaflowv1alpha1.RunStatus, b *report.Backup) *stanzaflowv1alpha1.BackupStatus {
	return &stanzaflowv1alpha1.BackupStatus{
		Label:         b.Label,
		Repo:          run.Repo,
		Type:          b.Type,
		Workflow:      run.Workflow,
		StartTime:     metav1.NewTime(b.Start).Rfc3339Copy(),
		StopTime:      metav1.NewTime(b.Stop).Rfc3339Copy(),
		DatabaseBytes: b.DatabaseBytes,
		RepoBytes:     b.RepoDeltaBytes,
		WALStart:      b.WALStart,
		WALStop:       b.WALStop,
		Verified:      verified(b),
	}
}

// verified is empty if an older run did not say it, and for any word that the
// status does not know: the API server would refuse the whole status for it.
func verified(b *report.Backup) stanzaflowv1alpha1.BackupVerification {
	switch b.Verified {
	case stanzaflowv1alpha1.VerifiedContents, stanzaflowv1alpha1.VerifiedFiles:
		return b.Verified
	}
	return ""
}

// startTime falls back to the creation: a Workflow that waits for its turn has not
// started yet.
func startTime(workflow *wfv1.Workflow) *metav1.Time {
	t := workflow.Status.StartedAt
	if t.IsZero() {
		t = workflow.CreationTimestamp
	}
	if t.IsZero() {
		return nil
	}
	return new(t.Rfc3339Copy())
}

func finishTime(workflow *wfv1.Workflow) *metav1.Time {
	if workflow.Status.FinishedAt.IsZero() {
		return nil
	}
	return new(workflow.Status.FinishedAt.Rfc3339Copy())
}

func oneLine(format string, args ...any) string {
	return report.OneLine(fmt.Sprintf(format, args...))
}
