// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/stanzaflow/stanzaflow/internal/goldentest"
	"github.com/stanzaflow/stanzaflow/internal/pgbackrest/pgbackresttest"
)

// TestDiagnoseGolden shows what a person reads for each failure that real
// pgBackRest was seen to have.
func TestDiagnoseGolden(t *testing.T) {
	t.Parallel()
	for _, file := range pgbackresttest.Samples(t, "failures-*.tsv") {
		var b strings.Builder
		for _, tc := range pgbackresttest.Failures(t, file) {
			if tc.Code == 0 {
				continue
			}
			f := Diagnose(tc.Code, tc.Output)
			fmt.Fprintf(&b, "%s\n\t%s\n\t%s\n", tc.Name, f.Class, f)
		}
		goldentest.Check(t, "testdata/classify-"+strings.TrimSuffix(strings.TrimPrefix(file, "failures-"), ".tsv")+".golden", b.String())
	}
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		code   int
		output string
		want   Class
	}{
		"39 with 403 may pass":                         {39, "ERROR: [039]: HTTP request failed with 403 (Forbidden):", Retry},
		"39 with 404 is for a person":                  {39, "ERROR: [039]: HTTP request failed with 404 (Not Found):", Stop},
		"39 with 429 may pass":                         {39, "ERROR: [039]: HTTP request failed with 429 (Too Many Requests):", Retry},
		"39 with 408 may pass":                         {39, "ERROR: [039]: HTTP request failed with 408 (Request Timeout):", Retry},
		"39 with 503 may pass":                         {39, "ERROR: [039]: HTTP request failed with 503 (Slow Down):", Retry},
		"39 with 507 is for a person":                  {39, "ERROR: [039]: HTTP request failed with 507 (Insufficient Storage):", Stop},
		"39 with another status is for a person":       {39, "ERROR: [039]: HTTP request failed with 405 (Method Not Allowed):", Stop},
		"39 without a status may pass":                 {39, "ERROR: [039]: unexpected", Retry},
		"50 with a lock that is held waits":            {50, "ERROR: [050]: unable to acquire lock on file '/l': Resource temporarily unavailable", Wait},
		"50 of an advisory lock waits":                 {50, "ERROR: [050]: unable to acquire pgBackRest advisory lock", Wait},
		"50 without rights is for a person":            {50, "ERROR: [050]: unable to acquire lock on file '/l': Permission denied", Stop},
		"50 on a full volume is for a person":          {50, "ERROR: [050]: unable to acquire lock on file '/l': No space left on device", Stop},
		"50 on a read-only volume is for a person":     {50, "ERROR: [050]: unable to acquire lock on file '/l': Read-only file system", Stop},
		"56 without a warning finds the primary again": {56, "ERROR: [056]: unable to find primary cluster - cannot proceed", Resolve},
		"56 with only a standby finds the primary again": {
			56, "ERROR: [056]: unable to find primary cluster - cannot proceed\n       HINT: are all available clusters in recovery?", Resolve,
		},
		"56 while PostgreSQL starts finds the primary again": {
			56, "WARN: unable to check pg1: [DbConnectError] unable to connect to 'x': FATAL:  the database system is starting up\nERROR: [056]: x", Resolve,
		},
		"56 with a repo host that is down finds the primary again": {
			56, "WARN: unable to check pg1: [HostConnectError] unable to connect to 'h:8433'\nERROR: [056]: unable to find primary cluster - cannot proceed", Resolve,
		},
		"56 with a query refused is for a person": {
			56, "WARN: unable to check pg1: [DbQueryError] unable to select some rows from pg_settings\nERROR: [056]: x", Stop,
		},
		"56 with a query cut off finds the primary again": {
			56, "WARN: unable to check pg1: [DbQueryError] unable to execute query 'x': server closed the connection unexpectedly\nERROR: [056]: x", Resolve,
		},
		"56 with a wrong pg1-path is for a person": {
			56, "WARN: unable to check pg1: [FileMissingError] unable to open missing file '/x/global/pg_control' for read\nERROR: [056]: x", Stop,
		},
		"56 with a role missing is for a person": {
			56, "WARN: unable to check pg1: [DbConnectError] unable to connect to 'x': FATAL:  role \"nobody\" does not exist\nERROR: [056]: x", Stop,
		},
		"56 with a wrong password is for a person": {
			56, "WARN: unable to check pg1: [DbConnectError] unable to connect to 'x': FATAL:  password authentication failed for user \"u\"\nERROR: [056]: x", Stop,
		},
		"56 with a lock held on the other host waits": {
			56, "P00   WARN: unable to check pg1: [LockAcquireError] raised from remote-0 tls protocol on 'x-pgbackrest-primary.ns.svc': " +
				"unable to acquire lock on file '/tmp/pgbackrest/db-backup-1.lock': Resource temporarily unavailable\nP00  ERROR: [056]: x", Wait,
		},
		"56 with a lock that cannot be made there is for a person": {
			56, "WARN: unable to check pg1: [LockAcquireError] unable to acquire lock on file '/l': Permission denied\nERROR: [056]: x", Stop,
		},
		"56 with another version on the other host may pass": {
			56, "WARN: unable to check pg1: [ProtocolError] expected value '2.45' for greeting key 'version' but got '2.55.1'\nERROR: [056]: x", Resolve,
		},
		"56 refused by the other host may pass": {56, "WARN: unable to check pg1: [AccessError] access denied\nERROR: [056]: x", Resolve},
		"56 with a server of the primary that is down may pass": {
			56, "WARN: unable to check pg1: [HostConnectError] unable to connect to 'x-pgbackrest-primary.ns.svc:8432': [111] Connection refused\nERROR: [056]: x", Resolve,
		},
		"56 with a login that PostgreSQL refuses the repo host is for a person": {
			56, "WARN: unable to check pg1: [DbConnectError] raised from remote-0 tls protocol on 'x-pgbackrest-primary.ns': unable to connect: role \"u\" does not exist\nERROR: [056]: x", Stop,
		},
		"27 with a server of the primary that is down may pass": {
			27, "WARN: unable to check pg1: [HostConnectError] unable to connect to 'x-pgbackrest-primary.ns.svc:8432': [111] Connection refused\nERROR: [027]: no database found", Resolve,
		},
		"56 with our certificate expired may pass": {
			56, "P00   WARN: unable to check pg1: [ServiceError] TLS error [1:167773205] ssl/tls alert certificate expired\nP00  ERROR: [056]: x", Resolve,
		},
		"56 with a TLS connection that broke may pass": {
			56, "P00   WARN: unable to check pg1: [ServiceError] TLS error [1:167772454] unexpected eof while reading\nP00  ERROR: [056]: x", Resolve,
		},
		"101 with our certificate expired may pass":       {101, "ERROR: [101]: TLS error [1:167773205] sslv3 alert certificate expired", Retry},
		"101 with our certificate not known yet may pass": {101, "ERROR: [101]: TLS error [1:167773208] tlsv1 alert unknown ca", Retry},
		"56 with an unknown cause is for a person":        {56, "WARN: unable to check pg1: [ChecksumError] x\nERROR: [056]: x", Stop},
		"56 with one host that may come back": {
			56, "WARN: unable to check pg1: [FileMissingError] x\nWARN: unable to check pg2: [DbConnectError] x\nERROR: [056]: x", Resolve,
		},
		"27 without a database is like 56":          {27, "ERROR: [027]: no database found", Resolve},
		"27 without a primary is like 56":           {27, "ERROR: [027]: primary database not found", Resolve},
		"27 of the configuration is for a person":   {27, "ERROR: [027]: something else", Stop},
		"27 with a query refused is for a person":   {27, "WARN: unable to check pg1: [DbQueryError] unable to select some rows from pg_settings\nERROR: [027]: no database found", Stop},
		"57 in a failover finds the primary again":  {57, "ERROR: [057]: unable to execute query 'x': FATAL:  terminating connection due to administrator command", Resolve},
		"57 of rights is for a person":              {57, "ERROR: [057]: unable to execute query 'x': ERROR:  permission denied for function pg_backup_start", Stop},
		"58 of a promotion finds the primary again": {58, "ERROR: [058]: standby is no longer in recovery", Resolve},
		"58 else is for a person":                   {58, "ERROR: [058]: standby is on timeline 2 but expected 1", Stop},
		"25 of a demotion finds the primary again":  {25, "ASSERT: [025]: primary has switched to recovery", Resolve},
		"101 may pass":                                {101, "ERROR: [101]: TLS error [1:167772454] unexpected eof while reading", Retry},
		"101 of a full store is for a person":         {101, "ERROR: [101]: [507] Insufficient Storage", Stop},
		"103 by what is inside: for a person":         {103, "ERROR: [103]: unable to find a valid repository:\n       repo1: [FileMissingError] x", Stop},
		"103 by what is inside: may pass":             {103, "ERROR: [103]: unable to find a valid repository:\n       repo1: [HostConnectError] x", Retry},
		"103 with two repositories, one for a person": {103, "ERROR: [103]: x:\n       repo1: [HostConnectError] x\n       repo2: [CryptoError] x", Stop},
		"103 with nothing inside is for a person":     {103, "ERROR: [103]: unable to find a valid repository:", Stop},
		"103 inside of itself is for a person":        {103, "ERROR: [103]: x: [RepoInvalidError] x", Stop},
		"104 by the error before: for a person":       {104, "ERROR: [055]: repo1: unable to load info file\nERROR: [104]: expire command encountered 1 error(s)", Stop},
		"104 by the error before: may pass":           {104, "ERROR: [049]: repo1: unable to connect to 'x'\nERROR: [104]: expire command encountered 1 error(s)", Retry},
		"104 by the error before: waits":              {104, "ERROR: [050]: repo1: Resource temporarily unavailable\nERROR: [104]: x", Wait},
		"104 in 103 in 104 ends":                      {104, "ERROR: [103]: a\nERROR: [104]: b", Stop},
		"104 with nothing inside is for a person":     {104, "ERROR: [104]: expire command encountered 1 error(s)", Stop},

		"42 of a key that others can read is for a person": {
			42, "ERROR: [042]: key file '/c/k' has group or other permissions\nHINT: file must have permissions u=rw (0600) or less", Stop,
		},
		"42 of a silent host may pass":              {42, "ERROR: [042]: timeout after 3000ms waiting for read from 'h:8432'", Retry},
		"47 is for a person":                        {47, "ERROR: [047]: unable to create path '/r': [30] Read-only file system", Stop},
		"49 of a repo host may pass":                {49, "ERROR: [049]: unable to connect to 'x-pgbackrest-repo-host-0.x-clusterpods.ns.svc:8432': [111] Connection refused", Retry},
		"95 of a certificate that expired may pass": {95, "ERROR: [095]: unable to verify certificate presented by 'h:8432': [10] certificate has expired", Retry},

		"63 may pass":                            {63, "ERROR: [063]: terminated on signal from parent process [SIGTERM]", Retry},
		"73 may pass":                            {73, "ERROR: [073]: unable to open missing path", Retry},
		"82 may pass":                            {82, "ERROR: [082]: WAL segment 000000010000000000000004 was not archived before the 4000ms timeout", Retry},
		"94 may pass":                            {94, "", Retry},
		"100 may pass":                           {100, "", Retry},
		"102 may pass":                           {102, "", Retry},
		"125 is for a person":                    {125, "", Stop},
		"126 is for a person":                    {126, "exec: pgbackrest: permission denied", Stop},
		"127 is for a person":                    {127, "", Stop},
		"a crash is for a person":                {139, "", Stop},
		"a kill finds the target again":          {137, "P00   INFO: backup command begin 2.55.1: --archive-timeout=10", Resolve},
		"a code that is not pgBackRest's":        {33, "", Stop},
		"no code but text":                       {UnknownCode, "ERROR: [049]: unable to connect", Retry},
		"no code and no text":                    {UnknownCode, "", Stop},
		"a warning does not decide for an error": {39, "WARN: HTTP request failed with 503\nERROR: [039]: HTTP request failed with 404 (Not Found)", Stop},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Diagnose(tc.code, tc.output)
			if got.Class != tc.want {
				t.Errorf("%s, want %s: %s", got.Class, tc.want, got)
			}
			if got.Advice == "" || got.Name == "" {
				t.Errorf("no advice or no name: %+v", got)
			}
		})
	}
}

// TestAdviceNamesTheCause: one code, and what to do depends on the text.
func TestAdviceNamesTheCause(t *testing.T) {
	t.Parallel()
	const info = "unable to load info file '/r/backup.info' or '/r/backup.info.copy':\n"
	for output, want := range map[string]string{
		"ERROR: [029]: " + info + "FormatError: key/value found outside of section at line 1: Salted__x": "read without a cipher",
		"ERROR: [029]: " + info + "FormatError: key/value found outside of section at line 1: x":         "cannot be decrypted",
		"ERROR: [029]: " + info + "FormatError: missing '=' in key/value at line 3: x":                   "cannot be decrypted",
		"ERROR: [029]: key/value found outside of section at line 1: repo1-path=x":                       "write [global] there",
		"ERROR: [029]: raised from remote-0 tls protocol on 'h': missing '=' in key/value at line 3: x":  "a line that is no option",
		"ERROR: [029]: lz4 error": "run pgbackrest verify",
		"ERROR: [031]: option 'repo1-path' cannot be set multiple times":                                                                          "once in a section",
		"ERROR: [031]: configuration file contains duplicate options ('repo-path', 'repo1-path') in section '[global]'":                           "once in a section",
		"ERROR: [031]: invalid option '--bogus'":                                                                                                  "does not know the option",
		"ERROR: [032]: section 'global', key 'repo1-cipher-pass' must have a value":                                                               "has no value",
		"ERROR: [039]: expected value '2.55.1' for greeting key 'version' but got '2.45'":                                                         "different versions of pgBackRest",
		"ERROR: [095]: " + info + "CryptoError: cipher header invalid":                                                                            "is not encrypted, and read with a cipher",
		"ERROR: [095]: " + info + "CryptoError: unable to flush":                                                                                  "cannot be decrypted",
		"ERROR: [095]: raised from remote-0 tls protocol on 'x-pgbackrest-repo-host-0.ns': " + info + "CryptoError: unable to flush":              "cannot be decrypted",
		"ERROR: [095]: unable to verify certificate presented by 'x-pgbackrest-repo-host-0.ns:8432': [10] certificate has expired":                "a certificate has expired",
		"ERROR: [095]: unable to verify certificate presented by 'x-pgbackrest-repo-host-0.ns:8432': [20] unable to get local issuer certificate": "the certificate of the other host",
		"ERROR: [095]: unable to verify certificate presented by 's3.example.org:443': [20] unable to get local issuer certificate":               "repoN-storage-ca-file",
		"ERROR: [095]: unable to load key file '/c/k': [92274804] key values mismatch":                                                            "a file of TLS cannot be used",
		"ERROR: [095]: unable to load cert file '/c/c': [33558530] no details available":                                                          "a file of TLS cannot be used",
		"ERROR: [095]: unable to load CA file '/c/ca': [92274824] no certificate or crl found":                                                    "a file of TLS cannot be used",
		"ERROR: [049]: unable to get address for 'x-pgbackrest-repo-host-0.ns': [-3] Temporary failure":                                           "the repo host cannot be reached",
		"ERROR: [049]: unable to connect to 's3.example.org:443': [111] Connection refused":                                                       "the host cannot be reached",
		"ERROR: [068]: archive_command '/bin/false' must contain pgbackrest":                                                                      `pgbackrest --stanza=db archive-push "%p"`,
		"ERROR: [082]: WAL segment x was not archived before the 60000ms timeout":                                                                 "PostgreSQL log, at pg_stat_archiver",
		"ERROR: [105]: access denied": "tls-server-auth",
		"WARN: unable to check pg1: [AccessError] access denied\nERROR: [056]: x":                                                            "tls-server-auth",
		"WARN: unable to check pg1: [CryptoError] unable to verify certificate presented by 'x-pgbackrest-primary.ns:8432'\nERROR: [056]: x": "the certificate of the other host",
		"ERROR: [101]: TLS error [1:167773205] ssl/tls alert certificate expired":                                                            "our certificate, which has expired",
		"ERROR: [101]: TLS error [1:167773208] tlsv1 alert unknown ca":                                                                       "refuses our certificate; look",
		"WARN: unable to check pg1: [ServiceError] TLS error [1:1] ssl/tls alert certificate expired\nERROR: [056]: x":                       "our certificate, which has expired",
		"WARN: unable to check pg1: [ProtocolError] expected value 'a' for greeting\nERROR: [056]: x":                                        "different versions of pgBackRest",
		"WARN: unable to check pg1: [LockAcquireError] '/l': Permission denied\nERROR: [056]: x":                                             "lock path cannot be written",
		"WARN: unable to check pg1: [HostConnectError] unable to connect to 'x-pgbackrest-primary.ns:8432'\nERROR: [056]: x":                 "server beside the primary",
		"WARN: unable to check pg1: [DbConnectError] x\nERROR: [056]: x":                                                                     "find the primary again",
	} {
		if got := Diagnose(UnknownCode, output); !strings.Contains(got.Advice, want) {
			t.Errorf("%q\n\tadvice %q\n\twants  %q", output, got.Advice, want)
		}
	}
}

func TestDiagnoseOfSuccessIsNoFailure(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(Diagnosis{}, Diagnose(0, "ERROR: [055]: from info, which exits 0")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (Diagnosis{}).String(); got != "no failure" {
		t.Errorf("String() = %q", got)
	}
}

func TestFailureCause(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		code   int
		output string
		want   string
	}{
		"the first error with its first detail, of long paths only the end": {
			code: 55,
			output: "P00   INFO: backup command begin 2.55.1: --repo2-cipher-pass=<redacted>\n" +
				"P00  ERROR: [055]: unable to load info file '/srv/f/repo/backup/main/backup.info' or '/srv/f/repo/backup/main/backup.info.copy':\n" +
				"            FileMissingError: unable to open missing file '/srv/f/repo/backup/main/backup.info' for read\n" +
				"            HINT: has a stanza-create been performed?\n" +
				"P00   INFO: backup command end: aborted with exception [055]\n",
			want: "unable to load info file '…/main/backup.info' or '…/main/backup.info.copy': " +
				"FileMissingError: unable to open missing file '…/main/backup.info' for read",
		},
		"with a time in front": {
			code:   50,
			output: "2026-11-22 13:28:26.123 P00  ERROR: [050]: unable to acquire lock\r\n",
			want:   "unable to acquire lock",
		},
		"the first of two errors": {
			code:   104,
			output: "ERROR: [055]: repo1: unable to open\nERROR: [104]: expire command encountered 1 error(s)",
			want:   "repo1: unable to open",
		},
		"what a warning says when the error does not": {
			code: 56,
			output: "WARN: unable to check pg1: [DbConnectError] unable to connect to 'dbname='postgres' port=5432': no server\n" +
				"ERROR: [056]: unable to find primary cluster - cannot proceed\n       HINT: are all available clusters in recovery?",
			want: "unable to find primary cluster - cannot proceed: " +
				"unable to check pg1: [DbConnectError] unable to connect to 'dbname='postgres' port=5432': no server",
		},
		"of an answer of a store only its code": {
			code: 39,
			output: "ERROR: [039]: HTTP request failed with 403 (Forbidden):\n       *** Path/Query ***:\n       GET /?list-type=2\n" +
				"       *** Request Headers ***:\n       authorization: <redacted>\n" +
				"       *** Response Content ***:\n       <Error><Code>RequestTimeTooSkewed</Code><Message>x</Message></Error>",
			want: "HTTP request failed with 403 (Forbidden) (RequestTimeTooSkewed)",
		},
		"no pieces of an encrypted file": {
			code: 29,
			output: "ERROR: [029]: unable to load info file '/srv/f/enc/backup/main/backup.info':\n" +
				"       FormatError: key/value found outside of section at line 1: \xea\xbcQ\xc4\x04\x1b[31m\x01Ym)",
			want: "unable to load info file '…/main/backup.info': FormatError: key/value found outside of section at line 1",
		},
		"no rest of a value of two lines": {
			code:   29,
			output: "P00  ERROR: [029]: missing '=' in key/value at line 3: hunter2",
			want:   "missing '=' in key/value at line 3",
		},
		"no option above the first section": {
			code:   29,
			output: "P00  ERROR: [029]: raised from remote-0 tls protocol on 'h': key/value found outside of section at line 1: repo1-cipher-pass=hunter2",
			want:   "raised from remote-0 tls protocol on 'h': key/value found outside of section at line 1",
		},
		"of a program that did not start its first line": {
			code:   126,
			output: "OCI runtime exec failed: unable to start container process\nmore",
			want:   "OCI runtime exec failed: unable to start container process",
		},
		"none of information": {code: 137, output: "P00   INFO: backup command begin"},
		"none of nothing":     {code: 139},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, Diagnose(tc.code, tc.output).Cause); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailureCauseIsShort(t *testing.T) {
	t.Parallel()
	for _, filler := range []string{"x", "ä", "€", "𝄞", "/a/b/c "} {
		for pad := range 8 {
			output := "ERROR: [039]: " + strings.Repeat("-", pad) + strings.Repeat(filler, 400) + "\n<Code>AccessDenied</Code>"
			cause := Diagnose(39, output).Cause
			if len(cause) > MaxCause || !utf8.ValidString(cause) {
				t.Errorf("%d bytes of %q: %q", len(cause), filler, cause)
			}
			if !strings.HasSuffix(cause, "(AccessDenied)") {
				t.Errorf("the code of the store is lost: %q", cause)
			}
		}
	}
}

// TestAdviceIsNotCutOff: a message has 512 bytes, and in front of the failure
// it has room for the command and the pod, after it for the number of attempts.
func TestAdviceIsNotCutOff(t *testing.T) {
	t.Parallel()
	const message, around = 512, 150
	for _, r := range rules {
		text := r.text + strings.Repeat(" and many more words", 40)
		f := Diagnose(r.code, fmt.Sprintf("P00  ERROR: [%03d]: %s\n    <Code>AccessDenied</Code>", max(r.code, 0), text))
		line := f.String()
		if len(line) > message-around || !strings.HasSuffix(line, "; "+f.Advice) {
			t.Errorf("%d bytes: %s", len(line), line)
		}
		if len(f.Cause) < 150 || !strings.HasSuffix(f.Cause, "(AccessDenied)") {
			t.Errorf("%d bytes of a cause are too few: %s", len(f.Cause), line)
		}
	}
}

func TestFailureString(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		failure Diagnosis
		want    string
	}{
		"with a cause":    {Diagnosis{Code: 55, Name: "file-missing", Cause: "unable to open", Advice: "create it"}, "[055] file-missing: unable to open; create it"},
		"without a cause": {Diagnosis{Code: 139, Name: "signal-11", Advice: "look"}, "[139] signal-11: look"},
		"without a code":  {Diagnosis{Code: UnknownCode, Name: "no-exit-code", Advice: "look"}, "no-exit-code: look"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.failure.String(); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestErrorCode(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		output string
		want   int
		wantOK bool
	}{
		"of 2.45":                       {"ERROR: [050]: x", 50, true},
		"of 2.55.1":                     {"P00  ERROR: [055]: x", 55, true},
		"the last one counts":           {"ERROR: [055]: x\nERROR: [104]: y\nP00   INFO: end", 104, true},
		"in a real backup":              {string(pgbackresttest.Sample(t, "backup-2.45-repo2-gone.txt")), 82, true},
		"not where it is quoted":        {"P00   INFO: see ERROR: [055]: x", 0, false},
		"not a warning":                 {"WARN: [055]: x", 0, false},
		"not without a code":            {"ERROR: x", 0, false},
		"not in nothing":                {"", 0, false},
		"an assertion is an error, too": {"ASSERT: [025]: x", 25, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, ok := ErrorCode(tc.output); got != tc.want || ok != tc.wantOK {
				t.Errorf("%d, %v, want %d, %v", got, ok, tc.want, tc.wantOK)
			}
		})
	}
}

// TestRulesAreReachable: a rule behind a general one of the same code is dead.
func TestRulesAreReachable(t *testing.T) {
	t.Parallel()
	general := map[int]bool{}
	seen := map[string]bool{}
	for _, r := range rules {
		id := fmt.Sprintf("%d %q", r.code, r.text)
		if general[r.code] || seen[id] {
			t.Errorf("rule %s is never reached", id)
		}
		if codeName(r.code) == unlisted {
			t.Errorf("rule %s is for a code that does not exist", id)
		}
		if r.advice == "" || strings.HasSuffix(r.advice, ".") || unicode.IsUpper(rune(r.advice[0])) && !strings.HasPrefix(r.advice, "WAL") && !strings.HasPrefix(r.advice, "PostgreSQL") {
			t.Errorf("rule %s: the advice is not a clause: %q", id, r.advice)
		}
		seen[id] = true
		general[r.code] = general[r.code] || r.text == ""
	}
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	for code, name := range codeNames {
		var camel strings.Builder
		for part := range strings.SplitSeq(name, "-") {
			camel.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
		if got, ok := codeOf(camel.String()); !ok || got != code {
			t.Errorf("codeOf(%q) = %d, %v, want %d", camel.String(), got, ok, code)
		}
	}
}

func FuzzDiagnose(f *testing.F) {
	for _, file := range pgbackresttest.Samples(f, "failures-*.tsv") {
		for _, tc := range pgbackresttest.Failures(f, file) {
			f.Add(tc.Code, tc.Output)
		}
	}
	f.Add(29, string(pgbackresttest.Sample(f, "info-2.45-wrong-cipher.json")))
	f.Add(82, string(pgbackresttest.Sample(f, "backup-2.45-repo2-gone.txt")))
	f.Add(104, "ERROR: [103]: [CommandError]\nERROR: [104]: [RepoInvalidError]\nERROR: [056]: [DbConnectError]")
	classes := []Class{Wait, Retry, Resolve, Stop}
	f.Fuzz(func(t *testing.T, code int, output string) {
		got := Diagnose(code, output)
		if code == 0 {
			if got != (Diagnosis{}) {
				t.Fatalf("a failure of code 0: %+v", got)
			}
			return
		}
		if !slices.Contains(classes, got.Class) || got.Name == "" || got.Advice == "" {
			t.Fatalf("incomplete: %+v", got)
		}
		if len(got.Cause) > MaxCause || len(got.String()) > maxFailure {
			t.Fatalf("cause of %d bytes in %d", len(got.Cause), len(got.String()))
		}
		if text := got.String(); !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Fatalf("not one clean line: %q", text)
		}
		if again := Diagnose(code, output); again != got {
			t.Fatalf("not deterministic: %+v, %+v", got, again)
		}
	})
}
