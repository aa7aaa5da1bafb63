#!/bin/sh
# SPDX-FileCopyrightText: The Stanzaflow Authors
# SPDX-License-Identifier: Apache-2.0

# Runs "pgbackrest server" and has it read its files again when they change.
#
# A SIGHUP with a configuration or a certificate that cannot be loaded ends the
# server, and with it every backup that runs through it. Therefore a second
# server is tried first, on another port: it reads the very same files.
conf=/etc/pgbackrest/conf.d
files() { cat /etc/pgbackrest/certs/* "$conf"/* 2>/dev/null | cksum; }
usable() {
  # Ended for the time that is up is what a server is that has begun.
  timeout -k 5 5 pgbackrest server --tls-server-address=127.0.0.1 --tls-server-port=18432 --log-level-file=off
  case $? in
  124 | 137 | 143) return 0 ;;
  *) return 1 ;;
  esac
}
# pgBackRest does not make its log-path, and warns at every command without it.
sed -n 's/^log-path=//p' "$conf"/pgbackrest_instance.conf | while read -r path; do
  mkdir -p -- "$path"
done
stop=
trap 'stop=1; kill -TERM "$server" 2>/dev/null' TERM INT
seen=$(files)
pgbackrest server &
server=$!
while [ -z "$stop" ] && kill -0 "$server" 2>/dev/null; do
  sleep 5 &
  wait $!
  now=$(files)
  [ "$now" = "$seen" ] && continue
  if usable; then
    seen=$now
    echo "files changed: SIGHUP to $server"
    kill -HUP "$server"
  else
    echo "files changed, but cannot be used: the server keeps the former"
  fi
done
wait "$server"
code=$?
echo "pgbackrest server ended with $code"
exit "$code"
