#!/bin/bash
# Starts PostgreSQL as CPO's image does: Patroni sets how it archives, and with a repo
# host a pgBackRest server runs beside it.
set -euo pipefail
data=/home/postgres/pgdata/pgroot/data
mkdir -p /home/postgres/pgdata/pgbackrest/{log,spool-path}
if [ ! -s "$data/PG_VERSION" ]; then
  mkdir -p -m 700 "$data"
  initdb --pgdata="$data" --username=postgres --data-checksums --auth-local=peer --auth-host=scram-sha-256
fi
# PostgreSQL refuses the permissions of a volume that Kubernetes has given to a group.
chmod 700 "$data"
if [ -d /etc/pgbackrest/certs ]; then
  pgbackrest server &
fi
exec postgres -D "$data" \
  -c listen_addresses='*' \
  -c unix_socket_directories=/var/run/postgresql \
  -c archive_mode=on \
  -c archive_command='pgbackrest --stanza=db archive-push "%p"'
