// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package vocab

// Condition types of a Stanza, docs/conditions.md.
const (
	ConditionReady         = "Ready"
	ConditionAccepted      = "Accepted"
	ConditionProgrammed    = "Programmed"
	ConditionBackupHealthy = "BackupHealthy"
	ConditionArchiving     = "Archiving"
	ConditionRecoverable   = "Recoverable"
	ConditionSuspended     = "Suspended"
)

// Reason says why a condition has its status, what a Problem is about, or what an
// event reports. One spelling serves all three.
type Reason string

// Reasons, by the condition that they belong to.
const (
	ReasonReady      Reason = "Ready"
	ReasonAccepted   Reason = "Accepted"
	ReasonProgrammed Reason = "Programmed"

	// Accepted=False: a setting of the postgresql or the Stanza is not understood.
	ReasonInvalidName           Reason = "InvalidName"
	ReasonInvalidField          Reason = "InvalidField"
	ReasonUnknownField          Reason = "UnknownField"
	ReasonInvalidSchedule       Reason = "InvalidSchedule"
	ReasonInvalidTimeZone       Reason = "InvalidTimeZone"
	ReasonInvalidGate           Reason = "InvalidGate"
	ReasonInvalidForm           Reason = "InvalidForm"
	ReasonInvalidWindow         Reason = "InvalidWindow"
	ReasonInvalidTrigger        Reason = "InvalidTrigger"
	ReasonInvalidOption         Reason = "InvalidOption"
	ReasonInvalidDrill          Reason = "InvalidDrill"
	ReasonUnknownRepo           Reason = "UnknownRepo"
	ReasonDuplicateRepo         Reason = "DuplicateRepo"
	ReasonDuplicateOption       Reason = "DuplicateOption"
	ReasonMissingField          Reason = "MissingField"
	ReasonUnsupportedStorage    Reason = "UnsupportedStorage"
	ReasonUnsupportedBackupType Reason = "UnsupportedBackupType"
	ReasonCredentialInGlobal    Reason = "CredentialInGlobal"
	ReasonTemplateExpression    Reason = "TemplateExpression"
	ReasonCredentialInline      Reason = "CredentialInline"
	ReasonInvalidVolume         Reason = "InvalidVolume"
	ReasonInvalidImage          Reason = "InvalidImage"
	ReasonInvalidCertificate    Reason = "InvalidCertificate"
	ReasonCipherChanged         Reason = "CipherChanged"
	ReasonLocationInUse         Reason = "LocationInUse"
	ReasonClusterNotFound       Reason = "ClusterNotFound"

	// Accepted=True: everything is used, and something may not do what its user
	// expects.
	ReasonUnknownOption      Reason = "UnknownOption"
	ReasonNewerRelease       Reason = "NewerRelease"
	ReasonIneffectiveOption  Reason = "IneffectiveOption"
	ReasonSurprisingSchedule Reason = "SurprisingSchedule"
	ReasonLocationChanged    Reason = "LocationChanged"
	// BrokenByCPO, in mode alongside: CPO makes something of a field that does not
	// work. It is Accepted=False where no backup at all can work.
	ReasonBrokenByCPO Reason = "BrokenByCPO"

	// Programmed=False: a planned object is not in place, or Argo refuses it.
	ReasonApplyFailed             Reason = "ApplyFailed"
	ReasonNotOwned                Reason = "NotOwned"
	ReasonWorkflowTemplateMissing Reason = "WorkflowTemplateMissing"
	ReasonWorkflowTemplateInvalid Reason = "WorkflowTemplateInvalid"
	ReasonArgoNotInstalled        Reason = "ArgoNotInstalled"
	ReasonRejectedByArgo          Reason = "RejectedByArgo"
	ReasonVolumeClaimMismatch     Reason = "VolumeClaimMismatch"
	ReasonCertManagerNotInstalled Reason = "CertManagerNotInstalled"
	ReasonPolicyMismatch          Reason = "PolicyMismatch"
	ReasonCRDOutdated             Reason = "CRDOutdated"
	// DrillTemplateUnusable: no drill can run, and backups can.
	ReasonDrillTemplateUnusable Reason = "DrillTemplateUnusable"
	// ManagedByCPO, in mode standalone: CPO runs and owns the configuration.
	ReasonManagedByCPO Reason = "ManagedByCPO"
	// OperatorConfigurationUnknown, in mode alongside: it is not known by which labels
	// CPO finds what belongs to a cluster.
	ReasonOperatorConfigurationUnknown Reason = "OperatorConfigurationUnknown"
	// GivenBack, in mode alongside: our schedule does not work, so that CPO's
	// CronJob makes the backups.
	ReasonGivenBack Reason = "GivenBack"
	// LeftToCPO, in mode alongside: somebody wants CPO's CronJob to make the backups.
	ReasonLeftToCPO Reason = "LeftToCPO"

	// Programmed=True: everything is in place, and there is more to say.
	ReasonDraining      Reason = "Draining"
	ReasonPolicyMissing Reason = "PolicyMissing"
	ReasonSkewUnknown   Reason = "SkewUnknown"
	// The contract of a WorkflowTemplate is that of the operator, and its image is of an
	// older or a newer release.
	ReasonTemplateOutdated Reason = "TemplateOutdated"
	ReasonTemplateAhead    Reason = "TemplateAhead"
	// CertificateExpires: the certificate of CPO's repo host expires soon. With
	// Programmed=False it has expired.
	ReasonCertificateExpires Reason = "CertificateExpires"
	// TakingOver: CPO's CronJob still makes the backups of a schedule.
	ReasonTakingOver Reason = "TakingOver"

	// BackupHealthy.
	ReasonSucceeded       Reason = "Succeeded"
	ReasonNoBackupYet     Reason = "NoBackupYet"
	ReasonNoSchedule      Reason = "NoSchedule"
	ReasonLastRunFailed   Reason = "LastRunFailed"
	ReasonHeld            Reason = "Held"
	ReasonRetentionFailed Reason = "RetentionFailed"
	ReasonOverdue         Reason = "Overdue"
	// NotManaged: the Stanza sets spec.managed to false.
	ReasonNotManaged Reason = "NotManaged"

	// Archiving. Blind is Unknown, of Recoverable too: no watch reports on the cluster.
	ReasonArchiving        Reason = "Archiving"
	ReasonArchivingFailed  Reason = "ArchivingFailed"
	ReasonArchivingStalled Reason = "ArchivingStalled"
	ReasonRunwayShort      Reason = "RunwayShort"
	ReasonBlind            Reason = "Blind"
	ReasonNotObservedYet   Reason = "NotObservedYet"

	// Recoverable.
	ReasonRecoverable   Reason = "Recoverable"
	ReasonNoBackup      Reason = "NoBackup"
	ReasonBackupRemoved Reason = "BackupRemoved"
	ReasonRPOExceeded   Reason = "RPOExceeded"
	// With drills. NewestUnreachable: a restore has not found what must be in the archive.
	// DrillPending: the pod of a drill does not start.
	ReasonProven            Reason = "Proven"
	ReasonNoDrillYet        Reason = "NoDrillYet"
	ReasonDrillFailed       Reason = "DrillFailed"
	ReasonDrillPending      Reason = "DrillPending"
	ReasonDrillOverdue      Reason = "DrillOverdue"
	ReasonRTOExceeded       Reason = "RTOExceeded"
	ReasonNewestUnreachable Reason = "NewestUnreachable"

	// Suspended=True.
	ReasonSuspendedByUser Reason = "SuspendedByUser"

	// Events only. DataNotRecovered: a drill is NewestUnreachable. DrillVolumeRetained: the
	// StorageClass of the volume of a drill keeps the volume.
	ReasonDataNotRecovered    Reason = "DataNotRecovered"
	ReasonDrillVolumeRetained Reason = "DrillVolumeRetained"
	ReasonCreated             Reason = "Created"
	ReasonUpdated             Reason = "Updated"
	ReasonDeleted             Reason = "Deleted"
	ReasonKept                Reason = "KeptLastGood"
	ReasonStarted             Reason = "Started"
	ReasonTouched             Reason = "Touched"
	// TakenOver and Resumed: a CronJob of CPO was suspended, or given back.
	ReasonTakenOver Reason = "TakenOver"
	ReasonResumed   Reason = "Resumed"
)
