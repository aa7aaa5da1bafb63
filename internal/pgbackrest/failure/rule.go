// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

// rule is what an exit code means. The first rule whose code is that of the process
// and whose text is in an error decides. An empty text matches every error.
type rule struct {
	code   int
	text   string
	class  Class
	advice string
}

// rules by code, the particular before the general. Stop is for what some minutes of
// waiting cannot fix: to repeat a cause that stays costs minutes, to give up on one
// that passes costs a backup. So a wrong credential, certificate or option is tried
// again if a change of it looks like that for the minute that Kubernetes needs to
// bring it into the pods. A code without a rule is Stop: to repeat what we do not
// understand only hides it.
var rules = []rule{
	{UnknownCode, "", Stop, "it is not known how pgBackRest ended; see in pgbackrest info whether the backup is listed or still runs"},

	{25, "primary has switched to recovery", Resolve, resolveAdvice},
	{25, "", Stop, "this is a defect in pgBackRest; keep its log and report it there"},

	// 27 and 56 without a warning that names the cause.
	{27, "primary database not found", Resolve, resolveAdvice},
	{27, "no database found", Resolve, resolveAdvice},
	{27, "cannot both be configured as remote", Stop, hostOptionAdvice},
	{27, "", Stop, "correct the pgBackRest configuration as the message says"},

	{28, "", Stop, "the stanza in the repository is of another database; after a major upgrade the next run does stanza-upgrade, else check the repository path, and whether the database was created again"},
	// Before the info file: the store is what could not be asked for it.
	{29, "expected protocol 'https'", Stop, "the endpoint begins with http://, which pgBackRest takes from 2.58 on; use https, or an image with such a version"},
	{29, "AssumeRoleWithWebIdentityResult", Retry, awsRoleAdvice},
	{29, "manifest validation failed", Stop, "pgBackRest finds its own manifest wrong; update pgBackRest, else keep its log and report it there"},
	{29, "unable to load backup manifest file", Stop, damagedAdvice},
	// OpenSSL writes Salted__ at the beginning of what it encrypts.
	{29, "Salted__", Stop, "the repository is encrypted, and read without a cipher; set repoN-cipher-type: aes-256-cbc in global, and repoN-cipher-pass in a file *.conf of the Secret"},
	{29, "unable to load info file", Stop, undecryptableAdvice},
	{29, "outside of section", Stop, "a configuration file has an option above its first section; write [global] there"},
	{29, "missing '=' in key/value", Stop, "a configuration file has a line that is no option, most often the rest of a value in the Secret; correct it"},
	{29, "provided time", Stop, "write the time as the message says"},
	{29, "lz4 error", Stop, damagedAdvice},
	{29, "block map", Stop, damagedAdvice},
	{29, "", Stop, "a file or an answer has another form than pgBackRest expects; read which, and run pgbackrest verify if it is of the repository"},

	{30, "", Stop, "the command line has no command; use the WorkflowTemplate and the image of one release"},
	{31, "not allowed on the command-line", Stop, "this option is a secret; put it in a configuration file"},
	// An option that moves between the resource and the Secret is in both for
	// a minute.
	{31, "cannot be set multiple times", Retry, twiceAdvice},
	{31, "contains duplicate options", Retry, twiceAdvice},
	{31, "AWS_WEB_IDENTITY_TOKEN_FILE", Stop, awsIdentityAdvice},
	{31, "AWS_CONTAINER_CREDENTIALS_FULL_URI", Stop, awsIdentityAdvice},
	{31, "must have an index", Stop, "write the option with the number of its repository, as in repo1-retention-full"},
	// It is one of the command line: in a file, pgBackRest only warns of it.
	{31, "invalid option", Stop, "this version of pgBackRest does not know the option; use an image with one that does"},
	{31, "", Stop, "the option that the message names does not go with another option, or with the command; correct it"},
	{32, "must have a value", Stop, "an option in a configuration file has no value; give it one or remove it"},
	{32, "RFC-2818", Stop, "a bucket with a dot in its name does not go with TLS that is verified; use a bucket without dots"},
	{32, "", Stop, "pgBackRest does not allow this value for the option that the message names; correct it"},
	// The Secret may come a minute after the ConfigMap.
	{37, "cipher-pass", Retry, "there is a repoN-cipher-type and no repoN-cipher-pass; write it into a file *.conf of the Secret, under [global]"},
	{37, "pg1-path", Stop, "there is no configuration of this stanza here; check the name of the stanza and the mounted configuration"},
	{37, "", Retry, "an option is missing; add the one that the message names to the pgBackRest configuration"},
	{48, "", Stop, "this version of pgBackRest does not have the command; check its version"},

	{38, "", Stop, "PostgreSQL still runs there; stop it before a restore"},
	{40, "unable to restore to path", Stop, "the directory is not empty; choose another one or restore with --delta"},
	{40, "", Stop, "a directory that should be empty is not; look at what is in it before you remove anything"},

	// 39: every 4xx of an object store, and what the processes of pgBackRest
	// do not understand of each other.
	{39, "RequestTimeTooSkewed", Retry, clockAdvice},
	{39, "RequestExpired", Retry, clockAdvice},
	{39, "RequestTimeout", Retry, "the store timed out; retry"},
	{39, "ExpiredToken", Retry, credentialAdvice},
	// Some stores answer 404 to a key that they do not know.
	{39, "InvalidAccessKeyId", Retry, credentialAdvice},
	{39, "sts:AssumeRoleWithWebIdentity", Retry, awsRoleAdvice},
	{39, "Part number must be", Stop, "a file has more parts than the store allows; raise repoN-storage-upload-chunk-size"},
	{39, "failed with 30", Stop, "the store sends the request elsewhere; correct region and endpoint, or wait some hours if the bucket is new"},
	{39, "failed with 403", Retry, "the store refuses access; check the key, its rights on the bucket and the clock of the host"},
	{39, "failed with 401", Retry, credentialAdvice},
	{39, "failed with 404", Stop, "the bucket or container was not found; create it, or check its name, the endpoint and the key"},
	{39, "failed with 408", Retry, "the store timed out; retry"},
	{39, "failed with 409", Retry, "the store reports a conflict; retry, then check whether the bucket is locked or being changed"},
	{39, "failed with 429", Retry, "the store asks for fewer requests; retry later"},
	{39, "failed with 507", Stop, storeFullAdvice},
	{39, "failed with 5", Retry, storeProblemAdvice},
	{39, "failed with", Stop, "the store refuses the request; read its answer, then check region, endpoint and uri-style"},
	{39, "invalid_grant", Retry, "the store rejects the service account key; replace it and check the clock of the host"},
	// As while the pods are updated, one after the other.
	{39, "greeting", Retry, otherVersionAdvice},
	// What is said when one of its own processes is lost, such as the server
	// beside a primary that is gone.
	{39, "client state is", Resolve, lostProcessAdvice},
	{39, "", Retry, "pgBackRest does not understand the store or the other host; read its answer"},

	{41, ioError, Stop, diskAdvice},
	{41, noPermission, Stop, permissionAdvice},
	{41, "", Stop, "a file cannot be opened; read why, then look at the volume that it is on"},
	{42, "group or other permissions", Stop, "the TLS key file's permissions are too open; mount the certificates with defaultMode 0640 and an fsGroup"},
	{42, ioError, Stop, diskAdvice},
	{42, "timeout after", Retry, "the other side does not answer; retry, then check network and io-timeout"},
	{42, "unexpected eof while reading", Retry, "the other side closed the connection; retry, then look at its log and the network"},
	// Without "while", of a file that ends before what is written about it.
	{42, "unexpected eof", Stop, damagedAdvice},
	{42, "", Retry, "a file or a connection cannot be read; retry, then look at the disk or the host that the message names"},
	{44, "", Stop, "this WAL is not of the database of the stanza; after a major upgrade the next run does stanza-upgrade, else find out which cluster archives here"},
	{45, "", Stop, "a WAL segment is archived with different content; find out whether two primaries archive to this stanza"},
	{46, "", Stop, "this pgBackRest does not know this PostgreSQL; update pgBackRest if it is a new version, and not a fork that pgBackRest does not support"},
	{47, noSpace, Stop, volumeFullAdvice},
	{47, noPermission, Stop, permissionAdvice},
	{47, "Read-only file system", Stop, "the volume is mounted read-only; mount it so that pgBackRest can write"},
	{47, "", Stop, "a directory cannot be made; read why, then check that its volume is mounted and can be written"},
	{49, "-pgbackrest-primary", Resolve, primaryServerAdvice},
	{49, "-pgbackrest-repo-host", Retry, "the repo host cannot be reached; look at its pod and its log, DNS, and network policies for port 8432"},
	{49, "Temporary failure in name resolution", Retry, "the DNS server does not answer; retry, then look at the DNS of the cluster and network policies for port 53"},
	{49, "unable to get address", Retry, "the name is not known to DNS; correct the endpoint, or set repoN-s3-uri-style: path if the name begins with that of the bucket"},
	{49, "", Retry, "the host cannot be reached; retry, then check its name, DNS, port and network policies"},

	// 50: a lock that is held, or a lock path that cannot be used.
	{50, noPermission, Stop, lockPathAdvice},
	{50, "Read-only file system", Stop, lockPathAdvice},
	{50, noSpace, Stop, "the volume of the lock path is full; free space"},
	{50, "", Wait, lockAdvice},

	{51, "", Stop, "the database is not the one of this stanza; after a major upgrade the next run does stanza-upgrade, else correct stanza or pg1-path"},
	{55, "archive.info", Stop, missingStanzaAdvice},
	{55, "backup.info", Stop, missingStanzaAdvice},
	{55, "backup.manifest", Stop, "a backup is listed but its files are gone; run pgbackrest verify and make a new full backup"},
	{55, "pg_control", Stop, "no PostgreSQL data in pg1-path; correct the path"},
	{55, "/etc/pgbackrest/", Retry, "a file of the Secret is not in the pod; retry, then look at the Secret and what the pod mounts"},
	{55, "", Stop, "a file that must be there is missing; restore the file that the message names or correct its path"},

	{56, "does not exist", Stop, loginAdvice},
	{56, "authentication failed", Stop, loginAdvice},
	{56, "no pg_hba.conf entry", Stop, loginAdvice},
	{56, "permission denied for database", Stop, loginAdvice},
	{56, "too many", Retry, connectionsAdvice},
	{56, "connection slots are reserved", Retry, connectionsAdvice},
	{56, "unable to find standby", Stop, "there is no standby to back up from; start one or set backup-standby=n"},
	{56, "", Resolve, "find the primary again and retry; if that continues, see whether there is one, and check pg1-path, port and socket"},

	// 57: what PostgreSQL says to a query. Its session may be lost, as in
	// a failover.
	{57, "server closed the connection", Resolve, resolveAdvice},
	{57, "terminating connection", Resolve, resolveAdvice},
	{57, "connection was lost", Resolve, resolveAdvice},
	{57, "connection to PostgreSQL being lost", Resolve, resolveAdvice},
	{57, "no connection to the server", Resolve, resolveAdvice},
	{57, "the database system is", Resolve, resolveAdvice},
	{57, "recovery is in progress", Resolve, resolveAdvice},
	{57, ioError, Stop, diskAdvice},
	{57, noSpace, Stop, "the volume of PostgreSQL is full; free space or enlarge it"},
	{57, "permission denied", Stop, rightsAdvice},
	{57, "unable to select some rows", Stop, rightsAdvice},
	{57, "canceling statement", Retry, slowQueryAdvice},
	{57, "timed out after", Retry, slowQueryAdvice},
	{57, "", Resolve, "PostgreSQL refuses a query; read its message and its log"},
	// A standby was promoted while it was backed up from.
	{58, "no longer in recovery", Resolve, resolveAdvice},
	// pg_control has the old timeline until the first checkpoint after a promotion,
	// and the backup that fails by it asks for that checkpoint.
	{58, "does not match pg_control timeline", Resolve, "the primary has just been promoted; retry"},
	{58, "queried from cluster do not match", Stop, "pg1-path and the port or socket are of different clusters, or the user may not read data_directory; correct the one that is wrong"},

	{62, "", Stop, "somebody stopped this stanza; run pgbackrest start when that is over"},
	{63, "", Retry, "the process was asked to end; retry, the backup resumes"},
	{64, "Broken pipe", Retry, lostProcessAdvice},
	{64, "Connection reset", Retry, lostProcessAdvice},
	{64, ioError, Stop, diskAdvice},
	// 2.55.1 does not say why, and a full volume is what we saw.
	{64, "", Stop, volumeFullAdvice},

	{67, "archive_mode=always", Stop, "set archive_mode to on; always is not supported"},
	{67, "", Stop, "pgBackRest does not support what the message names; change that"},
	{68, "", Stop, "set archive_command to pgbackrest --stanza=db archive-push \"%p\" and reload PostgreSQL"},
	{70, "is in PGDATA", Stop, "a link in the data directory leads back into it; move the tablespace or the file that the message names out of it"},
	{72, "", Stop, hostOptionAdvice},
	// Not Wait: when no other backup works, it would wait for nothing.
	{73, "", Retry, "the directory of this backup is gone; another backup may have removed it, or the volume is not mounted"},
	{75, "", Stop, "there is no such backup, or none can be read; read the warnings, and see pgbackrest info for those there are"},
	{82, "timeout before standby replayed", Retry, "the standby is behind the primary; look at its replication, or set backup-standby=n"},
	{82, "", Retry, "WAL does not get into the archive; look at the PostgreSQL log, at pg_stat_archiver and at every repository"},
	{87, "", Stop, "set archive_mode to on and restart PostgreSQL"},

	{94, "", Retry, "there is not enough memory; retry, then raise the memory limit or lower process-max"},
	{95, "cipher header invalid", Stop, "the repository is not encrypted, and read with a cipher; set repoN-cipher-type back to none in global, or give the repository a new location"},
	// A file whose pass phrase was right, as that of the info file was.
	{95, "unable to load backup manifest file", Stop, damagedAdvice},
	{95, "CryptoError: unable to flush", Stop, undecryptableAdvice},
	{95, "unable to flush", Stop, damagedAdvice},
	{95, "unable to load key file", Retry, certificateFileAdvice},
	{95, "unable to load cert file", Retry, certificateFileAdvice},
	{95, "unable to load CA file", Retry, certificateFileAdvice},
	{95, "has expired", Retry, "a certificate has expired; renew it, or set the clock of the host"},
	{95, "-pgbackrest-repo-host", Retry, certificateAdvice},
	{95, "-pgbackrest-primary", Retry, certificateAdvice},
	{95, "unable to find hostname", Retry, "the certificate of the store is of another name; correct the endpoint or the certificate, or set repoN-s3-uri-style: path if the name begins with that of the bucket"},
	{95, "certificate", Retry, "the certificate of the server is not trusted; set repoN-storage-ca-file"},
	// After the certificates: the file is on a store that may not be trusted.
	{95, "unable to load info file", Stop, undecryptableAdvice},
	{95, "", Stop, "encryption or TLS failed; read which file or host the message names"},
	{100, "", Retry, "the operating system refuses a call; retry, then see the log of the host"},

	// 101: 5xx of an object store, after retries of pgBackRest's own, and
	// connections of every kind that broke.
	{101, "[507]", Stop, storeFullAdvice},
	{101, "with 507", Stop, storeFullAdvice},
	// What a backup says whose session ended while it copied.
	{101, "result required to complete request", Resolve, resolveAdvice},
	{101, "alert certificate expired", Retry, "the other host refuses our certificate, which has expired; renew it, or set the clock of the host"},
	{101, "alert", Retry, "the other host refuses our certificate; look at the Secret with the certificates, and whether both pods have it as it is now"},
	// What OpenSSL says of an answer that is not TLS.
	{101, "wrong version number", Stop, notTLSAdvice},
	{101, "packet length too long", Stop, notTLSAdvice},
	{101, "unknown protocol", Stop, notTLSAdvice},
	{101, "TLS error", Retry, "the TLS connection broke; retry, then check that the port speaks TLS"},
	{101, "[503]", Retry, storeProblemAdvice},
	{101, "failed with 5", Retry, storeProblemAdvice},
	{101, "", Retry, "the store or the connection to it has a problem; retry, then read the message"},

	{102, "terminated unexpectedly", Retry, lostProcessAdvice},
	{102, "", Retry, "another program that pgBackRest started failed; retry, then read its message"},
	{103, "", Stop, "no repository can be used; read the message for each of them"},
	{104, "", Stop, "the command failed for at least one repository; read the errors before the last one"},
	{105, "", Retry, accessAdvice},
	{106, "", Stop, "a newer backup is already listed; check the clock of the host, or make a full backup"},

	// Not of pgBackRest: the shell's, and the kernel's for SIGABRT and SIGSEGV.
	{126, "", Stop, notRunAdvice},
	{127, "", Stop, notRunAdvice},
	{134, "", Stop, crashedAdvice},
	// A worker that was killed takes 2.55.1 with it.
	{139, "client state is", Resolve, killedAdvice},
	{139, "", Stop, crashedAdvice},
}
