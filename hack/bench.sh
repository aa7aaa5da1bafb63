#!/bin/bash
# Measures a proven run, in each form of FORMS, against the Job that CPO would start, in the local
# cluster. PAIRS is the number of rounds; in each the Job and every form make a backup.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/env.sh
. hack/lock.sh

lock_cluster "$@"
unset KUBECONFIG IMAGE LOAD # never run in somebody's own cluster
use_cluster
install_operator
say "building an image with kubectl"
KUBECTL_IMAGE=stanzaflow.local/kubectl:bench
go -C test/cluster run . image --name "$KUBECTL_IMAGE" --binary "$(readlink -f "$(command -v kubectl)")" --out "$PWD/bin/kubectl.tar"
go -C test/cluster run . load "$PWD/bin/kubectl.tar"
say "measuring ${PAIRS:-5} rounds, about a minute each"
KUBECTL_IMAGE=$KUBECTL_IMAGE PAIRS=${PAIRS:-5} go test -tags cluster -timeout 60m -run '^$' -bench Overhead -benchtime 1x -v ./test/e2e
