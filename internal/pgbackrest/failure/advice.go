// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

// noSpace is how Linux says that a volume is full.
const noSpace = "No space left on device"

// ioError is how Linux says that a disk does not do what it should.
const ioError = "Input/output error"

// noPermission is how Linux says that the user lacks rights.
const noPermission = "Permission denied"

const (
	resolveAdvice       = "find the primary again and retry; if that continues, see whether the cluster has a primary"
	primaryServerAdvice = "the repo host cannot reach the pgBackRest server beside the primary; look at that container and its log, DNS, and network policies for port 8432"
	databaseAdvice      = "pgBackRest cannot use the database; read the warning and repair the cause"
	loginAdvice         = "PostgreSQL refuses the login; repair the user, the database or pg_hba.conf"
	connectionsAdvice   = "PostgreSQL has no free connection; retry, then close sessions or raise max_connections"
	rightsAdvice        = "the database user lacks rights; grant it what pgBackRest needs"
	slowQueryAdvice     = "a query took too long or was cancelled; retry, then look at the load, at statement_timeout of the user and at db-timeout"

	accessAdvice          = "the other host refuses this one; its tls-server-auth must have the common name of this one's certificate, and its server must have read both"
	certificateAdvice     = "the certificate of the other host is not trusted, or of another name; look at the Secret with the certificates, and whether both pods have it as it is now"
	certificateFileAdvice = "a file of TLS cannot be used; look at the Secret with the certificates that the pod mounts"
	otherVersionAdvice    = "the PostgreSQL pods and the repo host run different versions of pgBackRest; use images with the same one"
	notTLSAdvice          = "the port does not speak TLS; correct the port of the endpoint, or give the store a certificate (http:// in the endpoint works from pgBackRest 2.58 on)"
	undecryptableAdvice   = "the repository cannot be decrypted; correct repoN-cipher-pass in the Secret, or repoN-cipher-type in global"

	twiceAdvice         = "an option may stand once in a section, whatever the file; remove it from one"
	hostOptionAdvice    = "this is not the host with the repository and the database that its configuration names; correct its options repoN-host and pgN-host"
	clockAdvice         = "the clock of the host is wrong; set it"
	awsRoleAdvice       = "the pods do not get their role from AWS; check the trust policy of the role and the annotation of the service account"
	awsIdentityAdvice   = "the container has no identity of AWS; give the service account of the pod a role and start the pod again, or correct repoN-s3-key-type"
	credentialAdvice    = "the store refuses the credentials; check the key"
	storeProblemAdvice  = "the store has a problem of its own; retry"
	storeFullAdvice     = "the store is full; free space or enlarge it"
	volumeFullAdvice    = "a file cannot be written; most often the volume is full: free space or enlarge it"
	diskAdvice          = "the disk has an error; look at the log of the node and at the volume"
	permissionAdvice    = "the user of the container lacks rights on the path; correct its owner or mode, or fsGroup of the pod"
	damagedAdvice       = "a file of the repository is damaged or short; run pgbackrest verify, then make a new full backup"
	lockAdvice          = "another pgBackRest process works on this stanza; wait until it ends"
	lockPathAdvice      = "the lock path cannot be written; correct lock-path or its owner"
	missingStanzaAdvice = "create the stanza, but if it was there before, first find out what took it: another volume, path or bucket, or a lifecycle rule of the bucket"
	lostProcessAdvice   = "a process of pgBackRest was lost, here or on the other host; retry, then look for what ends it, such as the memory limit"
	notRunAdvice        = "pgBackRest could not be started in this container; check the image"
	killedAdvice        = "the process was killed, with its pod or for its memory; find the target again and retry, the backup resumes"
	crashedAdvice       = "pgBackRest crashed; look for an odd path in its configuration, lock-path first"
)
