// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"fmt"
	"strings"
)

// rule is what an exit code means. The first whose code is that of the process
// and whose text is in an error decides; an empty text is in each.
type rule struct {
	code   int
	text   string
	class  Class
	advice string
}

// rules by code, the particular before the general. A code that is not here is
// Stop: to repeat what we do not understand only hides it.
var rules = []rule{
	{UnknownCode, "", Stop, "it is not known how pgBackRest ended; see in pgbackrest info whether the backup is listed or still runs"},

	{25, "primary has switched to recovery", Resolve, resolveAdvice},
	{25, "", Stop, "this is a defect in pgBackRest; keep its log and report it there"},

	// 27 and 56 without a warning that names the cause.
	{27, "primary database not found", Resolve, resolveAdvice},
	{27, "no database found", Resolve, resolveAdvice},
	{27, "", Stop, "correct the pgBackRest configuration as the message says"},

	{28, "", Stop, "the stanza in the repository belongs to another cluster; check the repository path, or run stanza-upgrade after a major upgrade"},
	// OpenSSL writes Salted__ at the beginning of what it encrypts.
	{29, "Salted__", Stop, "the repository is encrypted, and read without a cipher; set repoN-cipher-type: aes-256-cbc in global, and repoN-cipher-pass in a file *.conf of the Secret"},
	{29, "unable to load info file", Stop, undecryptableAdvice},
	{29, "outside of section", Stop, "a configuration file has an option above its first section; write [global] there"},
	{29, "missing '=' in key/value", Stop, "a configuration file has a line that is no option, most often the rest of a value in the Secret; correct it"},
	{29, "provided time", Stop, "write the time as the message says"},
	{29, "", Stop, "a file of the repository cannot be read; check the cipher passphrase, then run pgbackrest verify"},

	{30, "", Stop, optionAdvice},
	{31, "not allowed on the command-line", Stop, "this option is a secret; put it in a configuration file"},
	{31, "cannot be set multiple times", Stop, twiceAdvice},
	{31, "contains duplicate options", Stop, twiceAdvice},
	{31, "", Stop, optionAdvice},
	{32, "must have a value", Stop, "an option in a configuration file has no value; give it one or remove it"},
	{32, "", Stop, optionAdvice},
	{37, "cipher-pass", Stop, "there is a repoN-cipher-type and no repoN-cipher-pass; write it into a file *.conf of the Secret, under [global]"},
	{37, "pg1-path", Stop, "there is no configuration of this stanza here; check the name of the stanza and the mounted configuration"},
	{37, "", Stop, "add the option that the message names to the pgBackRest configuration"},
	{48, "", Stop, "this version of pgBackRest does not have the command; check its version"},

	{38, "", Stop, "PostgreSQL still runs there; stop it before a restore"},
	{40, "", Stop, "the directory is not empty; choose another one or restore with --delta"},

	// 39: every 4xx of an object store.
	{39, "RequestTimeTooSkewed", Stop, clockAdvice},
	{39, "RequestExpired", Stop, clockAdvice},
	{39, "failed with 403", Stop, "the store refuses access; check the key, its rights on the bucket and the clock of the host"},
	{39, "failed with 401", Stop, "the store refuses the credentials; check the key"},
	{39, "failed with 404", Stop, "the bucket or container was not found; create it, or check its name, the endpoint and the key"},
	{39, "failed with 400", Stop, "the store does not understand the request; check region, endpoint and uri-style"},
	{39, "failed with 409", Stop, "the store reports a conflict; check whether the bucket is locked or being changed"},
	{39, "failed with 408", Retry, "the store timed out; retry"},
	{39, "failed with 429", Retry, "the store asks for fewer requests; retry later"},
	{39, "failed with 507", Stop, storeFullAdvice},
	{39, "failed with 5", Retry, "the store has a problem of its own; retry"},
	{39, "invalid_grant", Stop, "the store rejects the service account key; replace it and check the clock of the host"},
	{39, "greeting", Stop, otherVersionAdvice},
	{39, "", Stop, "the store or the other host refuses the request; read its answer"},

	{41, "", Stop, "a file cannot be opened; check owner and rights of the repository volume"},
	{42, "group or other permissions", Stop, "the TLS key can be read by too many; mount the certificates with defaultMode 0640 and an fsGroup"},
	{42, "", Retry, "the other side does not answer; retry, then check network and io-timeout"},
	{44, "", Stop, "this WAL is of another cluster; check which cluster archives to this stanza"},
	{45, "", Stop, "a WAL segment is archived with different content; find out whether two primaries archive to this stanza"},
	{46, "", Stop, "this pgBackRest does not know the version of PostgreSQL; update pgBackRest"},
	{47, "", Stop, "a directory cannot be made; check that the volume of the repository is mounted and can be written"},
	{49, "-pgbackrest-repo-host", Retry, "the repo host cannot be reached; look at its pod and its log, DNS, and network policies for port 8432"},
	{49, "", Retry, "the host cannot be reached; retry, then check its name, DNS, port and network policies"},

	// 50: a lock that is held, or a lock path that cannot be used.
	{50, "Permission denied", Stop, lockPathAdvice},
	{50, "Read-only file system", Stop, lockPathAdvice},
	{50, "No space left on device", Stop, "the volume of the lock path is full; free space"},
	{50, "", Wait, lockAdvice},

	{51, "", Stop, "the database is not the one of this stanza; run stanza-upgrade after a major upgrade, else correct stanza or pg1-path"},
	{55, "archive.info", Stop, missingStanzaAdvice},
	{55, "backup.info", Stop, missingStanzaAdvice},
	{55, "backup.manifest", Stop, "a backup is listed but its files are gone; run pgbackrest verify and make a new full backup"},
	{55, "pg_control", Stop, "no PostgreSQL data in pg1-path; correct the path"},
	{55, "", Stop, "a file that must be there is missing; restore the file that the message names or correct its path"},
	{56, "unable to find standby", Stop, "there is no standby to back up from; start one or set backup-standby=n"},
	{56, "", Resolve, resolveAdvice},

	// A lost connection is 57 too, see judge.
	{57, "", Stop, "PostgreSQL refuses a query; grant the database user what pgBackRest needs"},
	// A standby was promoted while it was backed up from.
	{58, "no longer in recovery", Resolve, resolveAdvice},

	{62, "", Stop, "somebody stopped this stanza; run pgbackrest start when that is over"},
	{63, "", Retry, "the process was told to end; retry, the backup resumes"},
	{64, "", Stop, "a file cannot be written; most often the volume is full: free space or enlarge it"},

	{67, "", Stop, "set archive_mode to on; always is not supported"},
	{68, "", Stop, "set archive_command to pgbackrest --stanza=db archive-push \"%p\" and reload PostgreSQL"},
	{72, "", Stop, "run the command on the other host, the one with the repository or the database"},
	{73, "", Wait, "another backup removed the directory of this one; wait until it ends"},
	{75, "", Stop, "there is no such backup in the repository; see pgbackrest info for those there are"},
	{82, "", Retry, "WAL does not get into the archive; look at the PostgreSQL log, at pg_stat_archiver and at every repository"},
	{87, "", Stop, "set archive_mode to on and restart PostgreSQL"},

	{94, "", Retry, "there is not enough memory; retry, then raise the memory limit or lower process-max"},
	{95, "cipher header invalid", Stop, "the repository is not encrypted, and read with a cipher; set repoN-cipher-type back to none in global, or give the repository a new place"},
	{95, "unable to load info file", Stop, undecryptableAdvice},
	{95, "has expired", Stop, "a certificate has expired; renew it, or set the clock of the host"},
	{95, "unable to load key file", Stop, certificateFileAdvice},
	{95, "unable to load cert file", Stop, certificateFileAdvice},
	{95, "unable to load CA file", Stop, certificateFileAdvice},
	{95, "-pgbackrest-repo-host", Stop, certificateAdvice},
	{95, "certificate", Stop, "the certificate of the server is not trusted; set repoN-storage-ca-file"},
	{95, "", Stop, undecryptableAdvice},
	{100, "", Retry, "the operating system refuses a call; retry, then see the log of the host"},

	// 101: 5xx of an object store, after retries of pgBackRest's own.
	{101, "[507]", Stop, storeFullAdvice},
	{101, "with 507", Stop, storeFullAdvice},
	{101, "alert certificate expired", Stop, "the other host refuses our certificate, which has expired; renew it, or set the clock of the host"},
	{101, "alert", Retry, "the other host refuses our certificate; look at the Secret with the certificates, and whether both pods have it as it is now"},
	{101, "TLS error", Retry, "the TLS connection broke; retry, then check that the port speaks TLS"},
	{101, "", Retry, "the store has a problem of its own; retry"},

	{102, "", Retry, "another program that pgBackRest started failed; retry, then read its message"},
	{103, "", Stop, "no repository can be used; read the message for each of them"},
	{104, "", Stop, "the command failed for at least one repository; read the errors before the last one"},
	{105, "", Stop, accessAdvice},
	{106, "", Stop, "a newer backup is already listed; check the clock of the host, or make a full backup"},

	// Not of pgBackRest: the shell's and the kernel's.
	{126, "", Stop, notRunAdvice},
	{127, "", Stop, notRunAdvice},
	{129, "", Resolve, killedAdvice},
	{130, "", Resolve, killedAdvice},
	{137, "", Resolve, killedAdvice},
	{143, "", Resolve, killedAdvice},
	{139, "", Stop, "pgBackRest crashed; look for an odd path in its configuration, lock-path first"},
}

const (
	accessAdvice          = "the other host refuses this one; its tls-server-auth must have the common name of this one's certificate, and its server must have read both"
	certificateAdvice     = "the certificate of the other host is not trusted, or one has expired; look at the Secret with the certificates, and whether both pods have it as it is now"
	certificateFileAdvice = "a file of TLS cannot be used; look at the Secret with the certificates that the pod mounts"
	otherVersionAdvice    = "the PostgreSQL pods and the repo host run different versions of pgBackRest; use images with the same one"
	undecryptableAdvice   = "the repository cannot be decrypted; correct repoN-cipher-pass in the Secret, or repoN-cipher-type in global"

	twiceAdvice         = "an option may stand once in a section, whatever the file; remove it from one"
	optionAdvice        = "correct the option that the message names; it does not fit this version or command"
	clockAdvice         = "the clock of the host is wrong; set it"
	storeFullAdvice     = "the store is full; free space or enlarge it"
	lockAdvice          = "another pgBackRest process works on this stanza; wait until it ends"
	lockPathAdvice      = "the lock path cannot be written; correct lock-path or its owner"
	missingStanzaAdvice = "create the stanza; if it was there before, check that the repository volume is mounted"
	notRunAdvice        = "pgBackRest could not be started in this container; check the image"
	killedAdvice        = "the process was killed, with its pod or for its memory; find the target again and retry, the backup resumes"
)

// unlisted names a code that pgBackRest does not have.
const unlisted = "unlisted"

// noExitCode names UnknownCode.
const noExitCode = "no-exit-code"

// codeNames are all codes of pgBackRest's error.yaml.
var codeNames = map[int]string{
	25: "assert", 26: "checksum", 27: "config", 28: "file-invalid", 29: "format",
	30: "command-required", 31: "option-invalid", 32: "option-invalid-value", 37: "option-required",
	38: "pg-running", 39: "protocol", 40: "path-not-empty", 41: "file-open", 42: "file-read",
	43: "param-required", 44: "archive-mismatch", 45: "archive-duplicate", 46: "version-not-supported",
	47: "path-create", 48: "command-invalid", 49: "host-connect", 50: "lock-acquire",
	51: "backup-mismatch", 52: "file-sync", 53: "path-open", 54: "path-sync", 55: "file-missing",
	56: "db-connect", 57: "db-query", 58: "db-mismatch", 60: "file-remove", 61: "path-remove",
	62: "stop", 63: "term", 64: "file-write", 67: "feature-not-supported",
	68: "archive-command-invalid", 69: "link-expected", 70: "link-destination", 72: "host-invalid",
	73: "path-missing", 74: "file-move", 75: "backup-set-invalid", 76: "tablespace-map",
	78: "link-map", 79: "file-close", 80: "db-missing", 81: "db-invalid", 82: "archive-timeout",
	83: "file-mode", 87: "archive-disabled", 88: "file-owner", 89: "user-missing", 93: "file-exists",
	94: "memory", 95: "crypto", 96: "param-invalid", 97: "path-close", 98: "file-info",
	99: "json-format", 100: "kernel", 101: "service", 102: "execute", 103: "repo-invalid",
	104: "command", 105: "access", 106: "clock", 122: "runtime", 124: "unhandled", 125: "unknown",
}

// codeName names a code; those above 128 are signals of the kernel.
func codeName(code int) string {
	if name, ok := codeNames[code]; ok {
		return name
	}
	switch {
	case code == UnknownCode:
		return noExitCode
	case code == 126 || code == 127:
		return "not-started"
	case code > 128 && code <= 128+64:
		return fmt.Sprintf("signal-%d", code-128)
	}
	return unlisted
}

// codeOf finds the code of a name as messages spell it: FileMissing for
// file-missing.
func codeOf(camel string) (int, bool) {
	for code, name := range codeNames {
		if strings.EqualFold(strings.ReplaceAll(name, "-", ""), camel) {
			return code, true
		}
	}
	return 0, false
}
