// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package vocab

// Names of the project and of what it owns.
const (
	// Domain prefixes all our labels and annotations.
	Domain = "stanzaflow.dev"
	// FieldManager owns the fields that we apply with server-side apply.
	FieldManager = "stanzaflow"
	// PgBackRestStanza is pgBackRest's stanza of every CPO cluster.
	PgBackRestStanza = "db"
	// DefaultWorkflowTemplate is the WorkflowTemplate a schedule refers to
	// unless Stanza.spec.workflowTemplate names another.
	DefaultWorkflowTemplate = "pgbackrest-backup"
)

// Labels of our objects and of the Workflows they start.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelPartOf    = "app.kubernetes.io/part-of"
	// ManagedBy is the value of LabelManagedBy on every object that we wrote.
	ManagedBy = "stanzaflow"

	LabelCluster = Domain + "/cluster"
	LabelRepo    = Domain + "/repo"
	LabelType    = Domain + "/type"
	// LabelTrigger says what started a run: schedule, manual, initial, or the name of
	// a trigger of the Stanza.
	LabelTrigger = Domain + "/trigger"
	// LabelKind says which kind of run a Workflow is, a RunKind. A Workflow
	// without it is a backup.
	LabelKind = Domain + "/kind"
	// LabelContract on a WorkflowTemplate says which parameters and outputs
	// it has. The operator runs only templates of TemplateContract.
	LabelContract    = Domain + "/template-contract"
	TemplateContract = "v4"
	// LabelPolicyContract on an admission policy says which command lines and
	// objects it allows: those that the operator and the steps of
	// PolicyContract make.
	LabelPolicyContract = Domain + "/policy-contract"
	PolicyContract      = "v4"
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
	// AnnotationTitle is what the Argo UI shows instead of the name.
	AnnotationTitle = "workflows.argoproj.io/title"
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
)

// Entrypoints of the WorkflowTemplate.
const (
	EntrypointBackup    = "backup"
	EntrypointPredeploy = "predeploy"
	EntrypointStanza    = "stanza"
)

// Values of ParamTrigger. A run that a trigger of the Stanza started has the name of
// the trigger.
const (
	// TriggerSchedule is the value in a CronWorkflow.
	TriggerSchedule = "schedule"
	// TriggerManual is the default of the template.
	TriggerManual = "manual"
	// TriggerInitial is the value in the first run of a repo location.
	TriggerInitial = "initial"
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
)

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
