// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package failure

import "testing"

// TestFaults is what happens in practice, and whether waiting some minutes can
// fix it. The texts marked so were measured, with both versions where they differ;
// the whole of them is in testdata/failures-*.tsv.
func TestFaults(t *testing.T) {
	t.Parallel()
	const (
		remote = "raised from remote-0 tls protocol on 'c-pgbackrest-primary.ns.svc': "
		pg1    = "WARN: unable to check pg1: "
		none   = "\nERROR: [056]: unable to find primary cluster - cannot proceed"
	)
	for name, tc := range map[string]struct {
		code   int
		output string
		want   Class
		why    string
	}{
		// PostgreSQL goes away or moves.
		"the session ends while pgBackRest copies, measured": {
			101, "ERROR: [101]: NULL result required to complete request", Resolve, "PostgreSQL restarted, or was demoted",
		},
		"PostgreSQL is killed while pgBackRest asks it, measured": {
			57, "ERROR: [057]: unable to execute query 'select pg_catalog.pg_is_in_recovery()': server closed the connection unexpectedly", Resolve, "the same",
		},
		"the session ends while pgBackRest asks": {
			57, "ERROR: [057]: " + remote + "unable to execute query 'x': FATAL:  terminating connection due to administrator command", Resolve, "the same, on a repo host",
		},
		"a worker is killed, and the main process crashes by it": {139, "P00  ERROR: [039]: client state is 'response' but expected 'idle'", Resolve, "measured: kill -9 of backup:local under 2.55.1; the next attempt resumes"},
		"the primary was promoted a moment ago":                  {58, "P00  ERROR: [058]: WAL timeline 2 does not match pg_control timeline 1", Resolve, "measured; the first checkpoint on the new timeline mends it"},
		"the standby of the backup is promoted":                  {58, "ERROR: [058]: standby is no longer in recovery, is it promoted?", Resolve, "it is the primary now"},
		"the primary is demoted":                                 {25, "ASSERT: [025]: primary has switched to recovery", Resolve, "another one is the primary now"},
		"only standbys answer":                                   {56, "ERROR: [056]: unable to find primary cluster - cannot proceed", Resolve, "a failover goes on"},
		"PostgreSQL starts":                                      {56, pg1 + "[DbConnectError] unable to connect to 'x': FATAL:  the database system is starting up" + none, Resolve, "it is soon up"},
		"PostgreSQL shuts down":                                  {57, "ERROR: [057]: unable to execute query 'x': FATAL:  the database system is shutting down", Resolve, "it or another comes back"},
		"a recovery conflict":                                    {57, "ERROR: [057]: unable to execute query 'x': ERROR:  canceling statement due to conflict with recovery", Retry, "the conflict passes"},

		// PostgreSQL refuses.
		"too many connections, measured": {
			56, pg1 + "[DbConnectError] unable to connect to 'x': FATAL:  sorry, too many clients already" + none, Resolve, "sessions end, and there may be a new primary",
		},
		"only reserved connections": {
			56, pg1 + "[DbConnectError] unable to connect to 'x': FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute" + none, Resolve, "the same",
		},
		"statement_timeout":                 {57, "ERROR: [057]: unable to execute query 'x': ERROR:  canceling statement due to statement timeout", Retry, "the load passes"},
		"statement_timeout, measured":       {56, pg1 + "[DbQueryError] unable to execute query 'x': ERROR:  canceling statement due to statement timeout" + none, Resolve, "the same, of the first query"},
		"lock_timeout":                      {57, "ERROR: [057]: unable to execute query 'x': ERROR:  canceling statement due to lock timeout", Retry, "the lock passes"},
		"a slow checkpoint":                 {57, "ERROR: [057]: query 'select * from pg_catalog.pg_backup_start(x)' timed out after 1800000ms", Retry, "the load passes"},
		"the volume of PostgreSQL":          {57, "ERROR: [057]: unable to execute query 'x': ERROR:  could not write file \"x\": No space left on device", Stop, "nobody frees space by waiting"},
		"no right to start a backup":        {57, "ERROR: [057]: unable to execute query 'x': ERROR:  permission denied for function pg_backup_start", Stop, "nobody grants by waiting"},
		"another refusal":                   {57, "ERROR: [057]: unable to execute query 'x': ERROR:  something", Resolve, "to ask again does no harm"},
		"the user does not exist, measured": {56, pg1 + "[DbConnectError] unable to connect to 'x': FATAL:  role \"u\" does not exist" + none, Stop, "nobody creates it by waiting"},
		"no line of pg_hba.conf":            {56, pg1 + "[DbConnectError] unable to connect to 'x': FATAL:  no pg_hba.conf entry for host" + none, Stop, "the same"},
		"pg1-path is empty":                 {56, pg1 + "[FileMissingError] unable to open missing file '/x/global/pg_control' for read" + none, Stop, "the same"},
		"archive_mode":                      {87, "ERROR: [087]: archive_mode must be enabled", Stop, "it needs a restart"},
		"archiving is slow or broken":       {82, "ERROR: [082]: WAL segment x was not archived before the 60000ms timeout", Retry, "a store that was down archives what is left behind"},

		// pgBackRest goes away.
		"killed for its memory":                     {137, "", Resolve, "with its container, which comes back"},
		"asked to end, measured":                    {63, "", Retry, "the backup resumes"},
		"a worker is asked to end, measured (2.45)": {39, "ERROR: [039]: client state is 'data-get' but expected 'idle'", Resolve, "the backup resumes"},
		"the server of the primary is killed while it sends, measured": {
			39, "ERROR: [039]: client state is 'response' but expected 'idle'", Resolve, "a failover looks like that from a repo host",
		},
		"a worker of the last one still holds the lock, measured": {
			50, "ERROR: [050]: unable to acquire lock on file '/data/lock/db-backup-1.lock': Resource temporarily unavailable", Wait, "it ends with its file",
		},
		"somebody ran pgbackrest stop": {62, "ERROR: [062]: stop file exists for stanza main", Stop, "it stays until pgbackrest start"},
		"another program":              {102, "ERROR: [102]: remote-0 process on 'h' terminated unexpectedly [255]", Retry, "the host comes back"},

		// The repo host restarts, or its network.
		"the repo host is down":             {49, "ERROR: [049]: unable to connect to 'c-pgbackrest-repo-host-0.ns.svc:8432': [111] Connection refused", Retry, "it is soon up"},
		"its name is not known":             {49, "ERROR: [049]: unable to get address for 'c-pgbackrest-repo-host-0.ns.svc': [-3] Temporary failure in name resolution", Retry, "DNS knows it when it is ready"},
		"the host is silent, measured":      {42, "ERROR: [042]: timeout after 3000ms waiting for read from 'h:8432'", Retry, "the network comes back"},
		"the connection is reset, measured": {101, "ERROR: [101]: TLS error [5:2147483752] no details available", Retry, "the same"},
		"the connection is cut, measured":   {101, "ERROR: [101]: TLS error [1:167772454] unexpected eof while reading", Retry, "the same"},
		"what is written is not taken":      {64, "ERROR: [064]: unable to write to 'h:8432': [32] Broken pipe", Retry, "no file, the other side is gone"},
		"the server of the primary":         {56, pg1 + "[HostConnectError] unable to connect to 'c-pgbackrest-primary.ns.svc:8432': [111] Connection refused" + none, Resolve, "it comes with the primary"},

		// What a person changes arrives in the pods within a minute or so.
		"the key is replaced, measured":     {39, "ERROR: [039]: raised from local-1 protocol: HTTP request failed with 403 (Forbidden):\n<Code>InvalidAccessKeyId</Code>", Retry, "the Secret is projected"},
		"the key is replaced, another code": {39, "ERROR: [039]: HTTP request failed with 404 (Not Found):\n<Code>InvalidAccessKeyId</Code>", Retry, "the same"},
		"a token expires":                   {39, "ERROR: [039]: HTTP request failed with 400 (Bad Request):\n<Code>ExpiredToken</Code>", Retry, "the same"},
		"the key is replaced, GCS":          {39, "ERROR: [039]: unable to get authentication token: [invalid_grant] Invalid JWT Signature.", Retry, "the same"},
		"the key file is not there yet":     {55, "ERROR: [055]: unable to open missing file '/etc/pgbackrest/conf.d/key.json' for read", Retry, "the same"},
		"the Secret comes after the ConfigMap": {
			37, "ERROR: [037]: backup command requires option: repo1-cipher-pass", Retry, "the same",
		},
		"an option moves into the Secret":   {31, "ERROR: [031]: option 'repo1-s3-region' cannot be set multiple times", Retry, "both are projected, one after the other"},
		"a certificate is renewed":          {105, "ERROR: [105]: access denied", Retry, "its server reads it"},
		"a certificate of another CA":       {95, "ERROR: [095]: unable to verify certificate presented by 'c-pgbackrest-repo-host-0.ns.svc:8432': [20] unable to get local issuer certificate", Retry, "both pods have it soon"},
		"a key that is not of the cert yet": {95, "ERROR: [095]: unable to load key file '/c/k': [92274804] key values mismatch", Retry, "the files change together, not in one moment"},
		"a certificate that has expired":    {95, "ERROR: [095]: unable to verify certificate presented by 'h:8432': [10] certificate has expired", Retry, "the new one is projected"},
		"our certificate has expired":       {101, "ERROR: [101]: TLS error [1:167773205] ssl/tls alert certificate expired", Retry, "the same"},
		"the image is updated":              {39, "ERROR: [039]: expected value '2.55.1' for greeting key 'version' but got '2.45'", Retry, "the pods are updated one after the other"},
		"the clock":                         {39, "ERROR: [039]: HTTP request failed with 403 (Forbidden):\n<Code>RequestTimeTooSkewed</Code>", Retry, "after a boot it is set within minutes"},
		"a broken configuration file":       {29, "ERROR: [029]: key/value found outside of section at line 1: x", Stop, "no change looks like this on its way"},
		"a wrong pass phrase":               {29, "ERROR: [029]: unable to load info file 'x':\nFormatError: key/value found outside of section at line 1: x", Stop, "a pass phrase does not change"},
		"a pass phrase for a plain repo":    {95, "ERROR: [095]: unable to load info file 'x':\nCryptoError: cipher header invalid", Stop, "the same"},
		"a key that others can read":        {42, "ERROR: [042]: key file '/c/k' has group or other permissions", Stop, "the mode of the mount stays"},

		// The store.
		"the store is slow":             {101, "ERROR: [101]: HTTP request failed with 503 (Slow Down)", Retry, "the load passes"},
		"a request takes too long":      {39, "ERROR: [039]: HTTP request failed with 400 (Bad Request):\n<Code>RequestTimeout</Code>", Retry, "the same"},
		"too many requests":             {39, "ERROR: [039]: HTTP request failed with 429 (Too Many Requests)", Retry, "the same"},
		"a conflict":                    {39, "ERROR: [039]: HTTP request failed with 409 (Conflict):\n<Code>OperationAborted</Code>", Retry, "the other operation ends"},
		"the store is full":             {101, "ERROR: [101]: HTTP request failed with 507 (Insufficient Storage)", Stop, "nobody frees space by waiting"},
		"the bucket is gone":            {39, "ERROR: [039]: HTTP request failed with 404 (Not Found):\n<Code>NoSuchBucket</Code>", Stop, "nobody creates it by waiting"},
		"the wrong region":              {39, "ERROR: [039]: HTTP request failed with 400 (Bad Request):", Stop, "the region stays"},
		"the CA of the store":           {95, "ERROR: [095]: unable to verify certificate presented by 's3:443': [20] unable to get local issuer certificate", Retry, "the file with the new CA is projected"},
		"DNS":                           {49, "ERROR: [049]: unable to get address for 'nosuch.invalid': [-2] Name or service not known", Retry, "DNS comes back"},
		"no space for a file, measured": {64, "ERROR: [064]: unable to write '/r/x': [28] No space left on device", Stop, "not even expire can write"},
		"no space for expire, measured": {
			104, "ERROR: [064]: repo1: unable to write '/r/backup/db/backup.info.pgbackrest.tmp': [28] No space left on device\nERROR: [104]: expire command encountered 1 error(s)", Stop, "the same",
		},
		"no space for a directory":                         {47, "ERROR: [047]: unable to create path '/r': [28] No space left on device", Stop, "the same"},
		"the volume is read-only":                          {47, "ERROR: [047]: unable to create path '/r': [30] Read-only file system", Stop, "it is mounted so"},
		"the stanza is gone":                               {55, "ERROR: [055]: unable to load info file '/r/backup/db/backup.info'", Stop, "find the backups first"},
		"the repository is not mounted any more, measured": {73, "ERROR: [073]: unable to sync missing path '/data/repo/backup/db/20261122-220026F/pg_data/pg_commit_ts'", Retry, "an endless wait if nobody works"},
		"another database":                                 {51, "ERROR: [051]: PostgreSQL version 15, system-id 1 do not match stanza version 15, system-id 2", Stop, "it stays another"},
		"two primaries archive":                            {45, "ERROR: [045]: WAL file x already exists with a different checksum", Stop, "to go on does harm"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Diagnose(tc.code, tc.output); got.Class != tc.want {
				t.Errorf("%s, want %s because %s: %s", got.Class, tc.want, tc.why, got)
			}
		})
	}
}
