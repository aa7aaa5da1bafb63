// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

// IncludeFileName is the key of the ConfigMap with the settings of PostgreSQL.
const IncludeFileName = "postgresql.include"

// includeFile makes PostgreSQL archive with pgBackRest. It archives the WAL of a
// quiet server after a minute, so that no more than that can be lost. The restore
// command is for replicas that have fallen behind, and for a restore that has not
// written its own.
const includeFile = `# Settings with which PostgreSQL archives through pgBackRest, made by Stanzaflow.
# Have PostgreSQL read them with this line at the end of its configuration:
#   include_if_exists = '/etc/pgbackrest/conf.d/postgresql.include'
archive_mode = on
archive_command = 'pgbackrest --stanza=db archive-push "%p"'
archive_timeout = 60
restore_command = 'pgbackrest --stanza=db archive-get %f "%p"'
`
