#!/bin/bash
# Starts PostgreSQL, and creates the data directory the first time.
set -euo pipefail
data=/home/postgres/pgdata/pgroot/data
mkdir -p /home/postgres/pgdata/pgbackrest/{log,spool-path}
if [ ! -s "$data/PG_VERSION" ]; then
  mkdir -p -m 700 "$data"
  initdb --pgdata="$data" --username=postgres --data-checksums --auth-local=peer --auth-host=scram-sha-256
  # The archive settings, as the operator delivers them with its configuration.
  echo "include_if_exists '/etc/pgbackrest/conf.d/postgresql.include'" >>"$data/postgresql.conf"
fi
# PostgreSQL refuses the permissions of a volume that Kubernetes has given to a group.
chmod 700 "$data"
exec postgres -D "$data" \
  -c listen_addresses='*' \
  -c unix_socket_directories=/var/run/postgresql
