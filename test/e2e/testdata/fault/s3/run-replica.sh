#!/bin/bash
# Starts a PostgreSQL that follows the one in pod cluster-0, and can be promoted.
set -euo pipefail
data=/home/postgres/pgdata/pgroot/data
mkdir -p /home/postgres/pgdata/pgbackrest/{log,spool-path}
if [ ! -s "$data/PG_VERSION" ]; then
  mkdir -p -m 700 "$data"
  until pg_basebackup --pgdata="$data" --write-recovery-conf --checkpoint=fast --wal-method=stream \
    --dbname="host=cluster-0.cluster user=postgres"; do
    rm -rf "${data:?}"/*
    sleep 1
  done
fi
chmod 700 "$data"
exec postgres -D "$data" \
  -c listen_addresses='*' \
  -c unix_socket_directories=/var/run/postgresql
