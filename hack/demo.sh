#!/bin/bash
# The demo: one PostgreSQL, one object store, a schedule; the schedule fires, and
# what it proves is shown. KUBECONFIG, IMAGE, POSTGRES_IMAGE, OBJECT_STORE_IMAGE:
# see README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/env.sh

# show prints a command and what it gives.
show() {
  printf '\n$ %s\n' "$*"
  "$@"
}

# steps prints the steps of a Workflow in their order.
steps() { # workflow
  local nodes step
  nodes=$(kubectl -n cpo get workflow "$1" -o go-template='{{range .status.nodes}}{{if eq .type "Container"}}{{.displayName}}{{"\t"}}{{.phase}}{{"\t"}}{{or .message ""}}{{"\n"}}{{end}}{{end}}')
  for step in main precheck backup expire verify; do
    awk -F '\t' -v step="$step" '$1 == step {printf " └─ %-9s %-10s %s\n", $1, $2, $3}' <<<"$nodes"
  done
}

output() { # workflow, name of the output parameter
  kubectl -n cpo get workflow "$1" -o jsonpath="{.status.outputs.parameters[?(@.name=='$2')].value}"
}

# newest prints name and phase of the newest scheduled Workflow that began after
# the moment, a Unix time.
newest() { # moment
  kubectl -n cpo get workflow -l stanzaflow.dev/cluster=cluster,stanzaflow.dev/trigger=schedule --sort-by=.metadata.creationTimestamp \
    -o go-template='{{range .items}}{{.metadata.name}}{{" "}}{{or .status.phase "Pending"}}{{"\n"}}{{end}}' |
    awk -v moment="$1" '{time = $1; sub(/.*-/, "", time)} time >= moment {line = $0} END {print line}'
}

use_cluster
install_operator
say "applying examples/quickstart to namespace cpo"
if [ "$(kubectl get namespace cpo -o jsonpath='{.status.phase}' 2>/dev/null)" = Terminating ]; then
  say "waiting until the namespace cpo of an earlier demo is gone"
  kubectl wait --for=delete namespace/cpo --timeout=180s >/dev/null || die "namespace cpo does not go: kubectl get namespace cpo -o yaml"
fi
kubectl create namespace cpo --dry-run=client -o yaml | kubectl apply -f - >/dev/null
apply examples/quickstart
say "waiting for the object store and PostgreSQL"
kubectl -n cpo rollout status deployment/object-store --timeout=180s >/dev/null || die "the object store does not start: kubectl -n cpo describe pods"
kubectl -n cpo rollout status statefulset/cluster --timeout=180s >/dev/null || die "PostgreSQL does not start: kubectl -n cpo logs cluster-0"

moment=$(date +%s)
say "waiting for the schedule to fire by itself, every minute"
workflow='' phase='' last='' waiting=$SECONDS
while [ "$phase" != Succeeded ]; do
  [ $((SECONDS - waiting)) -lt 600 ] || {
    kubectl -n cpo get stanza,cronworkflow,workflow,pods >&2 || true
    die "no proven backup: kubectl -n cpo describe stanza cluster; kubectl -n stanzaflow-system logs deployment/stanzaflow"
  }
  read -r workflow phase <<<"$(newest "$moment")" || true
  if [ "$workflow $phase" != "$last" ] && [ -n "$workflow" ]; then
    say "workflow $workflow: $phase"
    last="$workflow $phase"
  fi
  case $phase in
  Failed | Error)
    steps "$workflow" >&2
    die "the run failed: kubectl -n cpo describe workflow $workflow"
    ;;
  Succeeded) ;;
  *) sleep 1 ;;
  esac
done
label=$(output "$workflow" backup-label)
# The operator folds the run into the status of the Stanza a moment later.
kubectl -n cpo wait --for=jsonpath='{.status.lastBackup.label}'="$label" stanza/cluster --timeout=30s >/dev/null ||
  say "a newer run has been reported meanwhile"

printf '\n%s\n' "$workflow"
steps "$workflow"
show kubectl -n cpo exec cluster-0 -c postgres -- pgbackrest info --stanza=db
show kubectl -n cpo get stanza,cronworkflow,workflow
uid=$(kubectl -n cpo get workflow "$workflow" -o jsonpath='{.metadata.uid}')
annotation=$(kubectl -n cpo exec cluster-0 -c postgres -- pgbackrest info --stanza=db --repo=1 --set="$label" | awk '/stanzaflow-run/ {print $NF}')
[ "$annotation" = "$uid" ] || die "backup $label carries the annotation '$annotation', not this run's $uid"
printf '\nPROVEN: backup %s of postgresql cpo/cluster is listed by pgbackrest info, without error,\nwith its WAL archived, and carries the annotation of workflow %s.\n' "$label" "$workflow"
