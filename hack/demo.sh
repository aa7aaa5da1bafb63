#!/bin/bash
# Runs the demo: one PostgreSQL, one object store, a schedule. It waits for the first
# backup, which the operator makes at once, and for the schedule, and shows the proof. README.md explains KUBECONFIG, LOAD, IMAGE,
# POSTGRES_IMAGE and OBJECT_STORE_IMAGE.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. hack/env.sh
. hack/next.sh

# show prints a command and its output.
show() {
  printf '\n$ %s\n' "$*"
  "$@"
}

# steps prints the steps of a Workflow in their order: the containers of its pod, or the
# tasks of its DAG. The last container is called main.
steps() { # workflow
  local nodes step
  nodes=$(kubectl -n "$demo" get workflow "$1" -o go-template='{{range .status.nodes}}{{if or (eq .type "Container") (eq .type "Retry")}}{{.displayName}}{{"\t"}}{{.phase}}{{"\t"}}{{or .message ""}}{{"\n"}}{{end}}{{end}}')
  for step in 1-begin 2-precheck 3-backup 4-expire main precheck backup expire verify; do
    awk -F '\t' -v step="$step" '$1 == step {printf " └─ %-10s %-10s %s\n", $1, $2, $3}' <<<"$nodes"
  done
}

output() { # workflow, name of the output parameter
  kubectl -n "$demo" get workflow "$1" -o jsonpath="{.status.outputs.parameters[?(@.name=='$2')].value}"
}

# first_run prints name and phase of the first Workflow of a trigger that was created at or
# after the moment.
first_run() { # trigger, moment
  kubectl -n "$demo" get workflow -l "stanzaflow.dev/cluster=cluster,stanzaflow.dev/trigger=$1" --sort-by=.metadata.creationTimestamp \
    -o go-template='{{range .items}}{{.metadata.creationTimestamp}}{{" "}}{{.metadata.name}}{{" "}}{{or .status.phase "Pending"}}{{"\n"}}{{end}}' |
    awk -v moment="$2" '$1 >= moment && !found {print $2, $3; found = 1}'
}

# await_run waits until a run of a trigger has succeeded. It sets workflow and label.
await_run() { # trigger, moment
  local phase='' last='' waiting=$SECONDS
  workflow=''
  while [ "$phase" != Succeeded ]; do
    [ $((SECONDS - waiting)) -lt 600 ] || {
      kubectl -n "$demo" get stanza,cronworkflow,workflow,pods >&2 || true
      die "no proven backup: kubectl -n $demo describe stanza cluster; kubectl -n stanzaflow-system logs deployment/stanzaflow. If there is no Workflow, check that Argo's controller watches namespace $demo"
    }
    read -r workflow phase <<<"$(first_run "$1" "$2")" || true
    if [ "$workflow $phase" != "$last" ] && [ -n "$workflow" ]; then
      say "workflow $workflow: $phase"
      last="$workflow $phase"
    fi
    case $phase in
    Failed | Error)
      steps "$workflow" >&2
      die "the run failed: kubectl -n $demo describe workflow $workflow"
      ;;
    Succeeded) ;;
    *) sleep 1 ;;
    esac
  done
  label=$(output "$workflow" backup-label)
}

# await_first waits for the first backup, unless an earlier demo has begun with it.
await_first() {
  if [ -n "$earlier" ]; then
    say "an earlier demo has begun with the first backup"
    return
  fi
  say "waiting for the first backup, which the operator makes at once"
  await_run initial ''
  say "backup $label is proven"
}

# apply_quickstart applies the example, over what an earlier demo left. It sets earlier to
# the first run of that demo.
apply_quickstart() {
  say "applying examples/quickstart to namespace $demo"
  if [ "$(kubectl get namespace "$demo" --ignore-not-found -o jsonpath='{.status.phase}')" = Terminating ]; then
    say "waiting until the namespace of an earlier demo is gone"
    kubectl wait --for=delete "namespace/$demo" --timeout=180s >/dev/null || die "namespace $demo is not deleted: kubectl get namespace $demo -o yaml"
  fi
  # Asked before the apply: after it, a first run of this demo looks like one of an earlier demo.
  earlier=$(first_run initial '')
  apply examples/quickstart
  if [ "$(kubectl -n "$demo" get stanza cluster --ignore-not-found -o jsonpath='{.spec.suspend}')" = true ]; then
    say "resuming the schedules, which were suspended"
    kubectl -n "$demo" patch stanza cluster --type=merge -p '{"spec":{"suspend":false}}' >/dev/null
  fi
  say "waiting for the object store and PostgreSQL"
  kubectl -n "$demo" rollout status deployment/object-store --timeout=180s >/dev/null || die "the object store does not start: kubectl -n $demo describe pods"
  kubectl -n "$demo" rollout status statefulset/cluster --timeout=180s >/dev/null || die "PostgreSQL does not start: kubectl -n $demo logs cluster-0"
}

use_cluster demo
install_operator
moment=$(date -u +%FT%TZ)
apply_quickstart

await_first
say "waiting for the schedule to fire, every minute"
await_run schedule "$moment"
# The operator writes the run into the status of the Stanza a moment later.
kubectl -n "$demo" wait --for=jsonpath='{.status.lastBackup.label}'="$label" stanza/cluster --timeout=30s >/dev/null ||
  say "the Stanza already shows a newer run"

printf '\n%s\n' "$workflow"
steps "$workflow"
show kubectl -n "$demo" exec cluster-0 -c postgres -- pgbackrest info --stanza=db
show kubectl -n "$demo" get stanza,cronworkflow,workflow
uid=$(kubectl -n "$demo" get workflow "$workflow" -o jsonpath='{.metadata.uid}')
annotation=$(kubectl -n "$demo" exec cluster-0 -c postgres -- pgbackrest info --stanza=db --repo=1 --set="$label" | awk '/stanzaflow-run/ {print $NF}')
[ "$annotation" = "$uid" ] || die "backup $label carries the annotation '$annotation', not this run's $uid"
printf '\nPROVEN: backup %s of postgresql %s/cluster is listed by pgbackrest info, without error,\nwith its WAL archived, and carries the annotation of workflow %s.\n' "$label" "$demo" "$workflow"
next
