// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package vocab

// Condition types of a Stanza, docs/conditions.md.
const (
	ConditionReady         = "Ready"
	ConditionAccepted      = "Accepted"
	ConditionProgrammed    = "Programmed"
	ConditionBackupHealthy = "BackupHealthy"
	ConditionSuspended     = "Suspended"
)

// Reasons of conditions, of Problems and of events: one spelling for all three.
const (
	ReasonReady      = "Ready"
	ReasonAccepted   = "Accepted"
	ReasonProgrammed = "Programmed"

	// Accepted=False: what the CR or the Stanza says was not understood.
	ReasonInvalidName           = "InvalidName"
	ReasonInvalidField          = "InvalidField"
	ReasonInvalidSchedule       = "InvalidSchedule"
	ReasonInvalidTimeZone       = "InvalidTimeZone"
	ReasonInvalidGate           = "InvalidGate"
	ReasonInvalidOption         = "InvalidOption"
	ReasonUnknownRepo           = "UnknownRepo"
	ReasonDuplicateRepo         = "DuplicateRepo"
	ReasonDuplicateOption       = "DuplicateOption"
	ReasonMissingField          = "MissingField"
	ReasonUnsupportedStorage    = "UnsupportedStorage"
	ReasonUnsupportedBackupType = "UnsupportedBackupType"
	ReasonCredentialInGlobal    = "CredentialInGlobal"
	ReasonTemplateExpression    = "TemplateExpression"
	ReasonCredentialInline      = "CredentialInline"
	ReasonInvalidVolume         = "InvalidVolume"
	ReasonInvalidImage          = "InvalidImage"
	ReasonInvalidCertificate    = "InvalidCertificate"
	ReasonCipherChanged         = "CipherChanged"
	ReasonClusterNotFound       = "ClusterNotFound"

	// Programmed=False: what was planned is not there, or Argo refuses it.
	ReasonApplyFailed             = "ApplyFailed"
	ReasonNotOwned                = "NotOwned"
	ReasonWorkflowTemplateMissing = "WorkflowTemplateMissing"
	ReasonWorkflowTemplateInvalid = "WorkflowTemplateInvalid"
	ReasonArgoNotInstalled        = "ArgoNotInstalled"
	ReasonRejectedByArgo          = "RejectedByArgo"
	ReasonVolumeClaimMismatch     = "VolumeClaimMismatch"
	ReasonCertManagerNotInstalled = "CertManagerNotInstalled"
	ReasonPolicyMismatch          = "PolicyMismatch"
	ReasonCRDOutdated             = "CRDOutdated"

	// Programmed=True: what was planned is there, and there is more to know.
	ReasonDraining      = "Draining"
	ReasonPolicyMissing = "PolicyMissing"
	ReasonSkewUnknown   = "SkewUnknown"

	// BackupHealthy.
	ReasonSucceeded       = "Succeeded"
	ReasonNoRunYet        = "NoRunYet"
	ReasonNoSchedule      = "NoSchedule"
	ReasonLastRunFailed   = "LastRunFailed"
	ReasonHeld            = "Held"
	ReasonRetentionFailed = "RetentionFailed"
	ReasonOverdue         = "Overdue"

	// Suspended=True.
	ReasonSuspendedByUser = "SuspendedByUser"

	// Events only.
	ReasonCreated = "Created"
	ReasonUpdated = "Updated"
	ReasonDeleted = "Deleted"
	ReasonKept    = "KeptLastGood"
)
