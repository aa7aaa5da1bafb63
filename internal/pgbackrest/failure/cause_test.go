// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"strings"
	"testing"
)

// TestAdviceLeadsToTheCause is what users of pgBackRest report, and where the code
// alone would lead. not is a word of the advice that leads away from the cause.
func TestAdviceLeadsToTheCause(t *testing.T) {
	t.Parallel()
	const (
		info     = "unable to load info file '/r/backup/db/backup.info' or '/r/backup/db/backup.info.copy':\n"
		manifest = "unable to load backup manifest file '/r/backup/db/20261122-132921F/backup.manifest' or '/r/backup/db/20261122-132921F/backup.manifest.copy':\n"
		remote   = "raised from remote-0 tls protocol on 'c-pgbackrest-repo-host-0.ns.svc': "
		retried  = "\n[CryptoError] on 2 retries from 202-15244ms: [same message]"
		role     = "FormatError: unable to find child 'AssumeRoleWithWebIdentityResult':0 in node 'ErrorResponse'\nHINT: has a stanza-create been performed?"
		trust    = "unable to verify certificate presented by 'b.s3.example.org:443': [20] unable to get local issuer certificate\nHINT: is or was the repo encrypted?"
		name     = "unable to find hostname 'b.s3.example.org' in certificate common name or subject alternative names"
	)
	for _, tc := range []struct {
		output    string
		class     Class
		want, not string
	}{
		{"[027]: pg and repo hosts cannot both be configured as remote", Stop, "repoN-host", "as the message says"},

		{"[029]: expected protocol 'https' in URL 'http://s3.example.org'", Stop, "http://", "pass"},
		{"[029]: " + info + "FormatError: expected protocol 'https' in URL 'http://s3.example.org'", Stop, "http://", "decrypt"},
		{"[029]: " + info + role, Retry, "role", "decrypt"},
		{"[029]: " + role, Retry, "trust policy", "pass"},
		{"[029]: manifest validation failed:\nrepo size must be > 0 for file 'pg_tblspc/1_fsm'", Stop, "report it", "pass"},
		{"[029]: raised from local-1 protocol: block map version must be zero", Stop, "damaged", "pass"},
		{"[029]: " + manifest + "FormatError: key/value found outside of section at line 1: x", Stop, "damaged", "decrypt"},

		{"[030]: no command found", Stop, "no command", "option"},
		{"[031]: option 'repo1-s3-key-type' is 'web-id' but 'AWS_ROLE_ARN' and 'AWS_WEB_IDENTITY_TOKEN_FILE' are not set", Stop, "no identity", "version"},
		{"[031]: option 'repo1-s3-key-type' is 'pod-id' but 'AWS_CONTAINER_CREDENTIALS_FULL_URI' and 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE' are not set", Stop, "no identity", "version"},
		{"[031]: option 'repo-retention-full-type' must have an index", Stop, "number", "version"},
		{"[031]: option 'repo1-hardlink' not valid without option 'repo1-bundle'", Stop, "another option", "version"},
		{"[032]: 'my.bucket' is not valid for option 'repo1-s3-bucket'\nHINT: RFC-2818 forbids dots in wildcard matches.", Stop, "without dots", "version"},

		{"[039]: HTTP request failed with 403 (Forbidden):\nNot authorized to perform sts:AssumeRoleWithWebIdentity", Retry, "trust policy", "the key"},
		{"[039]: HTTP request failed with 307 (Temporary Redirect):", Stop, "region", "uri-style"},
		{"[039]: HTTP request failed with 400 (Bad Request):\nPart number must be an integer between 1 and 10000", Stop, "upload-chunk-size", "region"},

		{"[040]: backup directory and/or archive directory not empty", Stop, "before you remove", "delta"},
		{"[040]: unable to restore to path '/pg' because it contains files", Stop, "delta", "remove"},
		{"[041]: unable to open file '/r/backup.manifest.copy' for write: [5] Input/output error", Stop, "disk", "owner"},
		{"[041]: unable to open file '/etc/pgbackrest/pgbackrest.conf' for read: [13] Permission denied", Stop, "owner", "repository"},
		{"[041]: unable to open file '/x' for read: [40] Too many levels of symbolic links", Stop, "read why", "owner"},
		{"[042]: unable to read '/x': [5] Input/output error", Stop, "disk", "network"},
		{"[042]: raised from local-3 protocol: unexpected eof\n[FileReadError] on 2 retries from 182-15244ms: unexpected eof", Stop, "damaged or short", "answer"},
		{"[042]: unexpected eof while reading line", Retry, "closed the connection", "answer"},
		{"[042]: unexpected EOF reading HTTP content", Retry, "the disk or the host", "answer"},
		{"[042]: timeout after 3000ms waiting for read from 'h:8432'", Retry, "does not answer", "disk"},
		{"[044]: WAL file '/p/pg_wal/1' version 16, system-id 1 do not match stanza version 15, system-id 2", Stop, "stanza-upgrade", "is of another cluster"},
		{"[046]: unexpected control version = 1347421260 and catalog version = 201809181", Stop, "fork", "the database user"},
		{"[047]: unable to create path '/spool': [13] Permission denied", Stop, "owner", "mounted"},
		{"[047]: unable to create path '/r': [30] Read-only file system", Stop, "read-only", "owner"},
		{"[049]: unable to get address for 'b.minio.ns.svc': [-2] Name or service not known", Retry, "uri-style", "port"},
		{"[049]: unable to get address for 's3.example.org': [-3] Temporary failure in name resolution", Retry, "DNS server", "uri-style"},

		{"[055]: " + info + "FileMissingError: unable to open missing file '/r/backup.info' for read", Stop, "lifecycle rule", "mounted"},
		{"[056]: unable to find primary cluster - cannot proceed", Resolve, "port and socket", "has a primary"},
		{"[057]: unable to execute query 'x': ERROR:  could not read block 1 in file \"base/1/2\": Input/output error", Stop, "disk", "its log"},
		{"[058]: version '11' and path '(null)' queried from cluster do not match version '11' and '/pg' read from '/pg/global/pg_control'", Stop, "pg1-path", "by itself"},
		{"[064]: unable to write '/r/x': [5] Input/output error", Stop, "disk", "full"},
		{"[067]: hardlink not supported", Stop, "what the message names", "archive_mode"},
		{"[070]: link 'pg_tblspc/16432' destination '/pg/x' is in PGDATA", Stop, "tablespace", "by itself"},
		{"[075]: no backup set found to restore", Stop, "the warnings", "no such backup in"},
		{"[082]: timeout before standby replayed to F/56000028 - only reached E/CE0000A0", Retry, "standby", "archive"},

		{"[095]: " + name, Retry, "another name", "not trusted"},
		{"[095]: " + info + "CryptoError: " + name + "\nHINT: is or was the repo encrypted?", Retry, "uri-style", "cipher"},
		{"[095]: " + info + "CryptoError: " + trust, Retry, "storage-ca-file", "cipher"},
		{"[095]: unable to find hostname 'c-pgbackrest-repo-host-0.ns.svc' in certificate common name or subject alternative names", Retry, "Secret with the certificates", "endpoint"},
		{"[095]: raised from local-1 protocol: unable to flush" + retried, Stop, "damaged", "cipher"},
		{"[095]: " + manifest + "CryptoError: unable to flush", Stop, "damaged", "cipher"},
		{"[095]: " + remote + info + "CryptoError: unable to flush", Stop, "repoN-cipher-pass", "certificate"},
		{"[095]: No such cipher", Stop, "which file or host", "cipher-pass"},

		{"[101]: TLS error [1:167772427] wrong version number", Stop, "does not speak TLS", "retry"},
		{"[101]: TLS error [1:167772358] packet length too long", Stop, "2.58", "retry"},
		{"[101]: TLS error [1:336031996] unknown protocol", Stop, "does not speak TLS", "retry"},
		{"[101]: " + info + "ServiceError: TLS error [1:167772427] wrong version number", Stop, "does not speak TLS", "cipher"},
		{"[101]: something new", Retry, "or the connection", "of its own"},
		{"[102]: raised from local-1 protocol: remote-1 process on 'h' terminated unexpectedly [255]", Retry, "was lost", "another program"},
	} {
		got := Diagnose(UnknownCode, "P00  ERROR: "+tc.output)
		if got.Class != tc.class || !strings.Contains(got.Advice, tc.want) || strings.Contains(got.Advice, tc.not) {
			t.Errorf("%q\n\tgot    %s, %s\n\twants  %s, %q, and not %q", tc.output, got.Class, got.Advice, tc.class, tc.want, tc.not)
		}
	}
}
