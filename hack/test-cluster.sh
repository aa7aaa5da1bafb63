#!/bin/bash
# Runs the demo and then the tests of test/e2e in the local cluster, with the
# operator of this checkout. RUN selects tests by name, and leaves out the demo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/env.sh

unset KUBECONFIG IMAGE # never in a cluster of somebody's own
use_cluster
install_operator
if [ -z "${RUN:-}" ]; then
  # The example that it applies, the schedule that fires and the proof that it
  # shows are the first test. It must not keep the machine busy after that.
  hack/demo.sh
  kubectl delete namespace cpo --wait=false >/dev/null
fi
use_faults
# An exit code that a cached result gives says nothing about this cluster.
e2e() { go test -tags cluster -count=1 -v "$@" ./test/e2e; }
# These break what the others need, so they run by themselves. make faults tries
# every kind of fault.
apart='^Test(Faults|Outage)$'
say "running the tests of test/e2e"
if [ -n "${RUN:-}" ]; then
  e2e -timeout 60m -parallel 4 -run "$RUN"
else
  # Most of a test is waiting for pods, so more of them than processors run at once.
  e2e -timeout 60m -parallel 4 -skip "$apart"
  say "breaking some parts while runs go on"
  e2e -timeout 30m -run "$apart"
fi
say "done"
