// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package step

import (
	"cmp"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/run/remote"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// Parameters are what the WorkflowTemplate passes to begin, as the command line
// has them. The other steps take the Options that begin left. In the form dag there is
// no begin, and every step gets the Parameters.
type Parameters struct {
	// Kind of the run, a vocab.RunKind, and its form, a vocab.RunForm. No form is
	// vocab.FormPod.
	Kind, Form string
	// Retries is how often Argo has tried the step before, in the form dag.
	Retries int
	// Namespace and Cluster name the postgresql resource.
	Namespace, Cluster string
	// Repo, Type and Trigger of the run.
	Repo, Type, Trigger string
	// Workflow is the name of the Workflow, Run its UID, Created when it was
	// created. Without Created the run has no deadline.
	Workflow, Run, Created string
	// Limit is how long after its start the run must be over.
	Limit time.Duration
	// Verify is up to how much verify reads back, a quantity of Kubernetes.
	Verify string
	// Attempts and Backoff are those of the Options.
	Attempts int
	Backoff  time.Duration
	// MaxAge, RestorePoint and OnlyReuse are those of the PredeployOptions.
	MaxAge       time.Duration
	RestorePoint string
	OnlyReuse    bool
}

// Options of a run. begin makes them from its Parameters, and leaves them in the
// workspace for the other steps. In the form dag each step makes them.
type Options struct {
	Kind               vocab.RunKind
	Form               vocab.RunForm
	Retries            int
	Namespace, Cluster string
	Trigger            string
	// Workflow is the name of the Workflow, Run its UID. The backup carries the
	// UID as annotation.
	Workflow, Run string
	// Deadline is when the run must be over. A step that is not done by then ends
	// as failed, and ends the backup that it started. Zero means none. Limit is
	// how long that is after the Workflow was started.
	Deadline time.Time
	Limit    time.Duration
	// Attempts is how often each step tries, Backoff the wait before its second
	// attempt. It doubles up to five minutes.
	Attempts int
	Backoff  time.Duration
	// Backup is the part of a backup.
	Backup BackupOptions
	// Predeploy is the part of a pre-deploy run.
	Predeploy PredeployOptions
}

// BackupOptions are the options of a run that makes a backup.
type BackupOptions struct {
	Repo, Type string
	// VerifyBytes is up to how much a backup and those that it builds on may have
	// in the repo for verify to read it back whole.
	VerifyBytes int64
}

// PredeployOptions are the options of a pre-deploy run.
type PredeployOptions struct {
	// MaxAge is how long ago a proven backup may have ended to be reused.
	MaxAge time.Duration
	// RestorePoint is how the name of the restore point begins.
	RestorePoint string
	// OnlyReuse: this pod does not have the lock, and makes no backup.
	OnlyReuse bool
}

// options returns the Options, and the first mistake in the Parameters. With a
// mistake they are good for a report.
func (p Parameters) options() (Options, error) {
	o := Options{
		Kind: vocab.RunKind(p.Kind), Form: cmp.Or(vocab.RunForm(p.Form), vocab.FormPod), Retries: p.Retries, Namespace: p.Namespace, Cluster: p.Cluster, Trigger: p.Trigger, Workflow: p.Workflow, Run: p.Run,
		Attempts: p.Attempts, Backoff: p.Backoff, Backup: BackupOptions{Repo: p.Repo, Type: p.Type},
	}
	for _, check := range []func(*Options) error{p.checkKind, p.checkForm, p.checkRun, p.checkBackup, p.checkPredeploy, p.checkTries, p.readLimit, p.readVerify} {
		if err := check(&o); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (p Parameters) checkKind(o *Options) error {
	if stepsOf[o.Kind] == nil {
		o.Kind = vocab.RunBackup // The report is of one.
		return fmt.Errorf("--kind is %q, must be %s, %s or %s", p.Kind, vocab.RunBackup, vocab.RunPredeploy, vocab.RunStanza)
	}
	return nil
}

func (p Parameters) checkForm(o *Options) error {
	switch {
	case o.Form != vocab.FormPod && o.Form != vocab.FormDAG:
		return fmt.Errorf("--form is %q, must be %s or %s", p.Form, vocab.FormPod, vocab.FormDAG)
	case o.Form == vocab.FormDAG && o.Kind != vocab.RunBackup:
		return fmt.Errorf("--form=%s is for --kind=%s, the kind is %s", vocab.FormDAG, vocab.RunBackup, o.Kind)
	case p.Retries < 0:
		return fmt.Errorf("--retries is %d, must not be negative", p.Retries)
	}
	return nil
}

func (p Parameters) checkPredeploy(o *Options) error {
	if o.Kind != vocab.RunPredeploy {
		if p.OnlyReuse {
			return fmt.Errorf("--only-reuse is for --kind=%s, the kind is %s", vocab.RunPredeploy, o.Kind)
		}
		return nil
	}
	if p.MaxAge < 0 {
		return fmt.Errorf("parameter %s is %s, must not be negative; 0s always makes a backup", vocab.ParamMaxAge, p.MaxAge)
	}
	if err := remote.CheckRestorePointName(p.RestorePoint); err != nil {
		return fmt.Errorf("parameter %s is %q, %w", vocab.ParamRestorePoint, p.RestorePoint, err)
	}
	o.Predeploy = PredeployOptions{MaxAge: p.MaxAge, RestorePoint: p.RestorePoint, OnlyReuse: p.OnlyReuse}
	return nil
}

func (p Parameters) checkRun(*Options) error {
	if p.Namespace == "" || p.Workflow == "" || p.Run == "" {
		return fmt.Errorf("namespace is %q, workflow %q and run %q, must be namespace, name and UID of the Workflow", p.Namespace, p.Workflow, p.Run)
	}
	if p.Cluster == "" {
		return fmt.Errorf("parameter cluster is empty, must be the name of a postgresql resource in this namespace")
	}
	return nil
}

func (p Parameters) checkBackup(*Options) error {
	if _, err := cpo.RepoNumber(p.Repo); err != nil {
		return fmt.Errorf("parameter repo is %q, %w", p.Repo, err)
	}
	if err := cpo.CheckBackupType(p.Type); err != nil {
		return fmt.Errorf("parameter type is %q, %w", p.Type, err)
	}
	return nil
}

func (p Parameters) checkTries(*Options) error {
	if p.Attempts < 1 {
		return fmt.Errorf("parameter attempts is %d, must be at least 1", p.Attempts)
	}
	if p.Backoff < 0 {
		return fmt.Errorf("parameter backoff is %s, must not be negative", p.Backoff)
	}
	return nil
}

func (p Parameters) readLimit(o *Options) error {
	if p.Created == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, p.Created)
	if err != nil {
		return fmt.Errorf("--created is %q, must be a time such as 2026-11-22T02:30:00Z", p.Created)
	}
	if p.Limit <= 0 {
		return fmt.Errorf("parameter limit is %s, must be more than 0, such as 470m", p.Limit)
	}
	o.Deadline, o.Limit = at.Add(p.Limit), p.Limit
	return nil
}

func (p Parameters) readVerify(o *Options) error {
	size, err := resource.ParseQuantity(p.Verify)
	if err != nil || size.Sign() < 0 {
		return fmt.Errorf("parameter verify is %q, must be a size such as 10Gi, or 0", p.Verify)
	}
	o.Backup.VerifyBytes = size.Value()
	return nil
}
