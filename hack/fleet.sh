#!/bin/bash
# Measures the operator with thousands of clusters, against a kube-apiserver and an etcd of
# its own, and prints the table of docs/scale.md. No local cluster is needed. FLEET is the
# sizes: 10000,20000. LIMIT is the memory limit of the operator instead of that of its
# Deployment: 1Gi, or none. IDLE is how long nothing happens before memory is called steady.
# RUNS=3 gives each schedule so many runs that have ended before the operator is started again.
# SOAK=120m also changes clusters for so long while Argo's controller runs them, and kills the
# operator, the API server and Argo; SEED repeats its choices. PROFILES is a folder for heap profiles. PROGRAM is an operator
# that is built already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/env.sh

[ "$(uname)" = Linux ] || die "the fleet is measured by /proc and cgroups, so only on Linux"
[ "$(id -u)" = 0 ] || say "only root can limit the memory of the operator: it runs without a limit"
go -C test/cluster run . assets ${SOAK:+--argo}
KUBEBUILDER_ASSETS=$(go -C test/cluster run . path bin)
export KUBEBUILDER_ASSETS
if [ -n "${PROFILES:-}" ]; then
  mkdir -p "$PROFILES"
  PROFILES=$(readlink -f "$PROFILES")
fi
say "measuring the operator with ${FLEET:-1000,5000} clusters; 1,000 take about five minutes"
# The limits of make are for builds. An API server that needs more than that would collect
# garbage all the time, and so would Argo.
exec env -u GOGC -u GOMEMLIMIT go test -tags apiserver -count=1 -timeout 0 -run '^$' -bench '^BenchmarkFleet$' -benchtime 1x ./test/fleet -args \
  -fleet.sizes="${FLEET:-1000,5000}" -fleet.limit="${LIMIT:-}" -fleet.idle="${IDLE:-2m}" -fleet.runs="${RUNS:-0}" -fleet.soak="${SOAK:-0}" -fleet.seed="${SEED:-0}" \
  -fleet.profiles="${PROFILES:-}" ${PROGRAM:+-fleet.program="$(readlink -f "$PROGRAM")"}
