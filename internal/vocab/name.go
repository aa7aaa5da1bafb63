// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package vocab

// Names of the project and of what it owns.
const (
	// Domain prefixes all our labels and annotations.
	Domain = "stanzaflow.dev"
	// FieldManager owns the fields that we apply with server-side apply.
	FieldManager = "stanzaflow"
	// TemplatesManager owns the fields that templates apply applies.
	TemplatesManager = "stanzaflow-templates"
	// PgBackRestStanza is pgBackRest's stanza of every CPO cluster.
	PgBackRestStanza = "db"
	// DefaultWorkflowTemplate is the WorkflowTemplate a schedule refers to
	// unless Stanza.spec.workflowTemplate names another.
	DefaultWorkflowTemplate = "pgbackrest-backup"
	// CapsConfigMap is the ConfigMap with the slots of the caps, a key for each. Its
	// namespace is what the WorkflowTemplate says.
	CapsConfigMap = "pgbackrest-caps"
	// WatchTemplate is the WorkflowTemplate of the watch, and the name of the CronWorkflow
	// that starts it: one in each namespace.
	WatchTemplate = "pgbackrest-watch"
	// DrillTemplate is the WorkflowTemplate of the drills.
	DrillTemplate = "pgbackrest-drill"
	// DrillConfigSuffix ends the name of the ConfigMap that describes the pod and the
	// drills of a cluster, after its name. DrillConfigPod and DrillConfigDrills are its
	// keys: a podSpecPatch, and the JSON of internal/drill.Config.
	DrillConfigSuffix = "-pgbackrest-drill-config"
	DrillConfigPod    = "pod"
	DrillConfigDrills = "drills.json"
)

// Labels of our objects and of the Workflows they start.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelPartOf    = "app.kubernetes.io/part-of"
	// ManagedBy is the value of LabelManagedBy on every object that we wrote.
	ManagedBy = "stanzaflow"

	// LabelCluster is the name of the cluster that an object belongs to. It is empty on
	// the runs of the watch, which belong to all clusters of their namespace.
	LabelCluster = Domain + "/cluster"
	LabelRepo    = Domain + "/repo"
	LabelType    = Domain + "/type"
	// LabelTrigger says what started a run: schedule, manual, initial, overdue, or the name of
	// a trigger of the Stanza.
	LabelTrigger = Domain + "/trigger"
	// LabelKind says which kind of run a Workflow is, a RunKind. A Workflow
	// without it is a backup.
	LabelKind = Domain + "/kind"
	// LabelResult says how a run is or has ended, a ShownResult. The template writes
	// Running, and the operator everything after that. Argo's list of Workflows shows it
	// as a column. It is for people: the verdict of record is the report.
	LabelResult = Domain + "/result"
	// LabelResubmitted is Argo's. On a run that somebody has resubmitted it names the run
	// whose parameters and labels it has, also those that say what started that one.
	LabelResubmitted = "workflows.argoproj.io/resubmitted-from-workflow"
	// LabelArchiving is Argo's. It archives a Workflow that has ended once, and again
	// if somebody sets this label back to ArchivingPending.
	LabelArchiving   = "workflows.argoproj.io/workflow-archiving-status"
	ArchivingPending = "Pending"
	// LabelContract on a WorkflowTemplate says which parameters and outputs
	// it has. The operator runs only templates of TemplateContract.
	LabelContract    = Domain + "/template-contract"
	TemplateContract = "v7"
	// WatchContract is the value of LabelContract of the WorkflowTemplate WatchTemplate.
	WatchContract = "watch-v1"
	// DrillContract is the value of LabelContract of the WorkflowTemplate DrillTemplate.
	DrillContract = "drill-v1"
	// LabelTemplates on a namespace says that templates apply is to bring the templates
	// there.
	LabelTemplates   = Domain + "/templates"
	TemplatesEnabled = "enabled"
	// LabelDrill on a drill is its name, empty on one that was started by hand for no drill
	// of the Stanza.
	LabelDrill = Domain + "/drill"
	// LabelPolicyContract on an admission policy says which command lines and
	// objects it allows: those that the operator and the steps of
	// PolicyContract make.
	LabelPolicyContract = Domain + "/policy-contract"
	PolicyContract      = "v8"
)

// Annotations.
const (
	// AnnotationTemplate on a CronWorkflow is "<uid>.<generation>" of its
	// WorkflowTemplate. It changes when the template appears or is edited.
	// That update makes Argo validate the CronWorkflow at once, and not at its
	// next resync, up to 20 minutes later.
	AnnotationTemplate = Domain + "/workflow-template"
	// AnnotationApplied is on objects of which we own a part. It is a digest of
	// that part as we applied it last. Without it we could not distinguish a
	// field that is no longer planned from one that the API server or others
	// have set.
	AnnotationApplied = Domain + "/applied"
	// AnnotationTouched on a Workflow is when the operator last changed this
	// annotation. Any change makes Argo look at the Workflow at once, and not at its
	// next resync, up to 20 minutes later.
	AnnotationTouched = Domain + "/touched"
	// AnnotationCauses on a Workflow that a trigger started is the JSON array of its
	// causes. A cause that is not in it needs another run.
	AnnotationCauses = Domain + "/causes"
	// AnnotationSlot is when a scheduled Workflow was due. Argo sets it.
	AnnotationSlot = "workflows.argoproj.io/scheduled-time"
	// AnnotationWindow on a WorkflowTemplate is the window of the Stanzas that use it and set
	// none, such as 90m.
	AnnotationWindow = Domain + "/window"
	// AnnotationSchedule on a CronWorkflow that a window has moved is the expression of the
	// user. AnnotationOffset on it, and on the Workflows that it starts, is by how much later
	// they start, in minutes, such as 45m. So a run knows the slot that the user has asked for.
	AnnotationSchedule = Domain + "/schedule"
	AnnotationOffset   = Domain + "/offset"
	// AnnotationTitle is what the Argo UI shows instead of the name.
	AnnotationTitle = "workflows.argoproj.io/title"
	// AnnotationDescription is what the Argo UI shows below the title. On a Workflow the
	// operator writes there, in one line, what is proven, or why nothing is.
	AnnotationDescription = "workflows.argoproj.io/description"
	// AnnotationTracking is Argo CD's: "<application>:<group>/<kind>:<namespace>/<name>" of
	// the object that carries it. AnnotationInstallation says which Argo CD is meant.
	AnnotationTracking     = "argocd.argoproj.io/tracking-id"
	AnnotationInstallation = "argocd.argoproj.io/installation-id"
	// AnnotationCompareOptions and AnnotationSyncOptions say how Argo CD compares an object
	// and whether it may remove it.
	AnnotationCompareOptions = "argocd.argoproj.io/compare-options"
	AnnotationSyncOptions    = "argocd.argoproj.io/sync-options"
	// AnnotationBundle is on what templates apply has applied. It is a digest of the object
	// as it was applied, so that a field that others have changed is distinguished from one
	// of another bundle.
	AnnotationBundle = Domain + "/bundle"
	// BackupAnnotation is the key under which a backup carries the UID of
	// the Workflow that made it, in the annotations pgBackRest stores.
	BackupAnnotation = "stanzaflow-run"
)

// Parameters of the WorkflowTemplate.
const (
	ParamCluster = "cluster"
	ParamRepo    = "repo"
	ParamType    = "type"
	ParamTrigger = "trigger"
	// ParamMaxAge and ParamRestorePoint are for EntrypointPredeploy: how old a proven
	// backup may be that makes another one unnecessary, and how the name of the restore
	// point begins.
	ParamMaxAge       = "max-age"
	ParamRestorePoint = "restore-point"
	// ParamDrill and ParamTarget are for drills: the name of a drill of the Stanza, and a
	// target that replaces its own, a moment such as 2026-11-26 03:12:44+00, or Newest,
	// Random or Immediate.
	ParamDrill  = "drill"
	ParamTarget = "target"
	// ParamTo, ParamSet and ParamZone are for EntrypointPlanRestore, and so is ParamRepo
	// there: the flags of restore plan.
	ParamTo   = "to"
	ParamSet  = "set"
	ParamZone = "zone"
	// OutputReport is the global output parameter with the report of a run,
	// the JSON of internal/run/report.Report.
	OutputReport = "report"
	// OutputLabel is the global output parameter with the label of the
	// backup that the run has proven, empty when it has proven none.
	OutputLabel = "backup-label"
	// OutputRestorePoint is the global output parameter with the name of the restore
	// point of a pre-deploy run, empty unless the database can be restored to it.
	OutputRestorePoint = "restore-point"
	// OutputRestore is the global output parameter with the command that restores the
	// database to it.
	OutputRestore = "restore"
	// OutputResult and those below are the report for people, in Argo's list of outputs:
	// the RunResult, its message, and what is proven. Empty if the run has not got there.
	OutputResult = "result"
	// OutputMessage is the sentence that says why nothing is proven.
	OutputMessage = "message"
	// OutputPlan is the global output parameter with the plan of a restore, the JSON of
	// internal/restore.Answer.
	OutputPlan = "plan"
	// OutputSize is the size of the backup in the repo, and of the database.
	OutputSize = "size"
	// OutputDuration is how long the backup took.
	OutputDuration = "duration"
	// OutputWAL is the range of WAL that the backup needs.
	OutputWAL = "wal"
	// OutputRecoverableFrom is the earliest moment that can be restored with the backup.
	OutputRecoverableFrom = "recoverable-from"
	// OutputRunbook is the URL of the section of the runbook for the message.
	OutputRunbook = "runbook"
)

// Entrypoints of the WorkflowTemplate.
const (
	EntrypointBackup = "backup"
	// EntrypointBackupDAG makes the same backup in the form FormDAG.
	EntrypointBackupDAG = "backup-dag"
	// EntrypointBackupCompact makes the same backup in the form FormCompact.
	EntrypointBackupCompact = "backup-compact"
	EntrypointPredeploy     = "predeploy"
	EntrypointStanza        = "stanza"
)

// EntrypointPlanRestore of DrillTemplate is the one that is no drill.
const EntrypointPlanRestore = "plan-restore"

// Values of ParamTrigger. A run that a trigger of the Stanza started has the name of
// the trigger.
const (
	// TriggerSchedule is the value in a CronWorkflow.
	TriggerSchedule = "schedule"
	// TriggerManual is the default of the template.
	TriggerManual = "manual"
	// TriggerInitial is the value in the first run of a repo location.
	TriggerInitial = "initial"
	// TriggerOverdue is the value in a run that makes the backup of a schedule that is
	// overdue.
	TriggerOverdue = "overdue"
)

// Modes of the operator, the values of the flag --mode.
const (
	ModeStandalone = "standalone"
	ModeAlongside  = "alongside"
)

// RunKind says what a run does for its cluster.
type RunKind string

// Kinds of runs. None counts as another.
const (
	// RunBackup makes a backup and proves it.
	RunBackup RunKind = "backup"
	// RunPredeploy proves that the database can be restored to the moment before a
	// deploy. It makes a backup only if there is no fresh one.
	RunPredeploy RunKind = "predeploy"
	// RunStanza makes the stanza in every repo, so that PostgreSQL can archive, and
	// makes no backup.
	RunStanza RunKind = "stanza"
	// RunWatch asks all clusters of a namespace how their archiving and their repos are.
	// It writes nothing.
	RunWatch RunKind = "watch"
	// RunDrill restores a backup into a pod of its own and checks what it finds. It makes
	// no backup and writes into no repo.
	RunDrill RunKind = "drill"
	// RunRestorePlan says whether a moment can be restored, and how. It restores nothing,
	// and proves nothing for the status.
	RunRestorePlan RunKind = "restore-plan"
)

// RunForm is how a run that makes a backup is laid out in Argo. All forms have the same
// steps, the same proof and the same report.
type RunForm string

// Forms.
const (
	// FormPod has every step in one pod, and each step tries again by itself.
	FormPod RunForm = "pod"
	// FormDAG has a pod for each step, as a task of a DAG, and Argo tries again: each
	// attempt is a node, and argo retry continues at the step that failed.
	FormDAG RunForm = "dag"
	// FormCompact has every step in one container: one process does one after the other.
	FormCompact RunForm = "compact"
)

// Forms are all of them.
var Forms = []RunForm{FormPod, FormDAG, FormCompact}

// entrypoints are those of each form.
var entrypoints = map[RunForm]string{
	FormPod: EntrypointBackup, FormDAG: EntrypointBackupDAG, FormCompact: EntrypointBackupCompact,
}

// Entrypoint is where a backup of the form begins.
func (f RunForm) Entrypoint() string { return entrypoints[f] }

// FormAt is the form of a backup that begins at an entrypoint. None is that of the
// template, EntrypointBackup.
func FormAt(entrypoint string) RunForm {
	for _, form := range Forms {
		if form.Entrypoint() == entrypoint {
			return form
		}
	}
	return FormPod
}

// ShownResult is how a run is shown in Argo, the value of LabelResult.
type ShownResult string

// Results as they are shown.
const (
	ShownRunning ShownResult = "Running"
	// ShownWaiting: the run waits for another run of its cluster, or for a slot of a cap.
	ShownWaiting ShownResult = "Waiting"
	// ShownProven: a backup is proven, or the restore point of a pre-deploy run.
	ShownProven ShownResult = "Proven"
	// ShownDone: a run of the kind stanza has made what it should. There is no backup.
	ShownDone ShownResult = "Done"
	ShownHeld ShownResult = "Held"
	// ShownEnded: a person has stopped the run, or it was out of time.
	ShownEnded  ShownResult = "Ended"
	ShownFailed ShownResult = "Failed"
	// ShownUnknown: the run has ended, and nothing says how.
	ShownUnknown ShownResult = "Unknown"
)

// ShownResults are all of them.
var ShownResults = []ShownResult{
	ShownRunning, ShownWaiting, ShownProven, ShownDone, ShownHeld, ShownEnded, ShownFailed, ShownUnknown,
}

// Provisioner is who owns the pgBackRest configuration of a cluster: its
// ConfigMaps, Secrets, volumes, repo host and certificates.
type Provisioner string

// Provisioners.
const (
	// ProvisionedByUs means that the operator writes the configuration: mode
	// standalone.
	ProvisionedByUs Provisioner = "Stanzaflow"
	// ProvisionedByCPO means that CPO writes it, and that its CronJobs give way to
	// our schedules: mode alongside.
	ProvisionedByCPO Provisioner = "CPO"
)
