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
	// LabelTrigger says what started a run: schedule or manual.
	LabelTrigger = Domain + "/trigger"
	// LabelKind says which kind of run a Workflow is, a RunKind. A Workflow
	// without it is a backup.
	LabelKind = Domain + "/kind"
	// LabelContract on a WorkflowTemplate says which parameters and outputs
	// it has. The operator runs only templates of TemplateContract.
	LabelContract    = Domain + "/template-contract"
	TemplateContract = "v3"
	// LabelPolicyContract on an admission policy says which command lines and
	// objects it allows: those that the operator and the steps of
	// PolicyContract make.
	LabelPolicyContract = Domain + "/policy-contract"
	PolicyContract      = "v3"
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
	// OutputReport is the global output parameter with the report of a run,
	// the JSON of internal/run/report.Report.
	OutputReport = "report"
	// OutputLabel is the global output parameter with the label of the
	// backup that the run has proven, empty when it has proven none.
	OutputLabel = "backup-label"
)

// TriggerSchedule is the value of ParamTrigger in a CronWorkflow. Any other run
// has the template's default, manual.
const TriggerSchedule = "schedule"

// Modes of the operator, the values of the flag --mode.
const (
	ModeStandalone = "standalone"
	ModeAlongside  = "alongside"
)

// RunKind says what a run does for its cluster.
type RunKind string

// RunBackup makes a backup and proves it. It is the only kind so far.
const RunBackup RunKind = "backup"

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
