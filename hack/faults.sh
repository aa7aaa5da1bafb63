#!/bin/bash
# Breaks one part after the other in the local cluster during runs, and compares
# what the runs reported with what a restore gives. LIST=1 only prints the kinds, one
# a line. SEEDS=n tries every kind with n seeds; it skips what it has tried with the
# same image, so you can cut a sweep short with FOR=90m and continue later. KINDS is
# a regular expression of names. SEED is the first seed: the same seed does the same
# again. FORM is the form of the runs that each fault meets, pod, dag, compact or all;
# without it the seed picks one for each trial. WORLDS is how many clusters of each storage
# are broken at the same time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/env.sh
. hack/lock.sh

case ${FORM:-} in '' | pod | dag | compact | all) ;; *) die "FORM is $FORM, must be pod, dag, compact or all" ;; esac
if [ -n "${LIST:-}" ]; then
  go test -tags cluster -count=1 -v -run '^TestFaults$' ./test/e2e -args -faults.list -faults.kinds="${KINDS:-.}" |
    sed -n 's/^kind //p'
  exit
fi
lock_cluster "$@"
use_test_cluster
results=${XDG_CACHE_HOME:-$HOME/.cache}/stanzaflow/faults
say "trying every kind of fault with ${SEEDS:-1} seeds from ${SEED:-1} on; results in $results"
go test -tags cluster -count=1 -timeout 0 -v -run '^TestFaults$' ./test/e2e -args \
  -faults.seeds="${SEEDS:-1}" -faults.seed="${SEED:-1}" -faults.kinds="${KINDS:-.}" -faults.form="${FORM:-}" -faults.for="${FOR:-0}" -faults.worlds="${WORLDS:-2}" -faults.results="$results"
say "done"
