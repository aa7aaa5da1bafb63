#!/bin/bash
# Runs the stories of test/e2e in the local cluster, with the operator of this
# checkout:
#   hack/test-cluster.sh everyday   the everyday stories and a few faults
#   hack/test-cluster.sh full       every story that has not passed with the same
#                                   image, cluster and tests
# RUN is a regular expression of names. LIST=1 only prints the stories. SEED chooses
# the faults and their moments; by default it is the number of commits, so that each
# commit tries different ones. For full: FOR=15m plays as many as fit into that time,
# FORCE=1 repeats what has passed, BASE is a commit: the stories of what has changed
# since come first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/env.sh
. hack/lock.sh

rung=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/stanzaflow
seed=${SEED:-$(git rev-list --count HEAD 2>/dev/null || echo 0)}

# stories runs the stories. -v shows how far each one is.
stories() { # options…
  go test -tags cluster -count=1 -timeout 0 -v -run '^TestStories$' ./test/e2e -args "$@"
}

if [ -n "${LIST:-}" ]; then
  stories -stories.list | sed -n 's/^story //p'
  exit
fi
options=(-stories.only="${RUN:-.}" -stories.seed="$seed" -stories.passes="$cache/stories/passes.jsonl")
case $rung in
everyday) options+=(-stories.everyday) ;;
full)
  base=${BASE:-$(git rev-list -1 --before="$(($(git log -1 --format=%ct) - 86400))" HEAD)}
  changed=$(git diff --name-only ${base:+"$base"} | tr '\n' ' ')
  options+=(-stories.for="${FOR:-0}" -stories.changed="$changed")
  [ -z "${FORCE:-}" ] || options+=(-stories.force)
  ;;
esac

# UPDATE=1 rewrites the documents that stories write.
[ -z "${UPDATE:-}" ] || options+=(-update)

lock_cluster "$@"
use_test_cluster
say "running the stories of test/e2e, seed $seed"
stories "${options[@]}"
say "done"
