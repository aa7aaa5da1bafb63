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
say "running the tests of test/e2e"
# An exit code that a cached result gives says nothing about this cluster.
# Most of a test is waiting for pods, so more of them than processors run at once.
go test -tags cluster -count=1 -timeout 60m -parallel 4 -v -run "${RUN:-.}" -skip '^TestFaults$' ./test/e2e
if [ -z "${RUN:-}" ]; then
  # By itself, since it breaks what the others need. make faults tries them all.
  use_faults
  say "breaking some parts while runs go on"
  go test -tags cluster -count=1 -timeout 30m -v -run '^TestFaults$' ./test/e2e
fi
say "done"
